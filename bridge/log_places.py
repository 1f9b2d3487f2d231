"""Where a reader without a position stands in the predictions logs, and whether it can go on from there."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from shared.contracts import PARTITIONS
from shared.names import Names
from shared.wire import sent

START = "0-0"


@dataclass(slots=True)
class Place:
    """One log: read up to ``after``; ``anchor`` is the newest good entry at or before it, None without one.

    While the anchor still stands, nothing after it was trimmed: logs are trimmed from their old end. Before
    there is an anchor, ``gone`` counts the entries that left the log without this reader missing them.
    """

    after: str = START
    anchor: str | None = None
    gone: int = 0


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq)


class LogPlaces:
    """The places in all partitions' predictions logs."""

    def __init__(self, client: redis.Redis, names: Names) -> None:
        self._client, self._names = client, names
        self._places = {p: Place() for p in range(PARTITIONS)}
        self._partition_of = {names.predictions(p).encode(): p for p in range(PARTITIONS)}

    def __getitem__(self, p: int) -> Place:
        return self._places[p]

    def partition(self, log: bytes) -> int:
        """Return the partition of a log's key."""
        return self._partition_of[log]

    @property
    def streams(self) -> list[Any]:
        """Arguments of an XREAD over all logs: their keys, then the IDs read up to."""
        return [*self._partition_of, *(self._places[p].after for p in self._partition_of.values())]

    def go_to_end(self) -> None:
        """Stand after the last entry of each log, wherever it stood before."""
        for p, info in self._infos(range(PARTITIONS)).items():
            last = info["last-entry"] if info else None
            self._places[p] = Place(
                info["last-generated-id"].decode() if info else START,
                last[0].decode() if last else None,
                info["entries-added"] - info["length"] if info else 0,
            )

    def fell_back(self) -> bool:
        """Whether a log's newest ID is older than what was read of it: the broker lost its tail."""
        for p, info in self._infos(range(PARTITIONS)).items():
            newest = info["last-generated-id"].decode() if info else START
            if _order(newest) < _order(self._places[p].after):
                return True
        return False

    def trimmed(self, partitions: Iterable[int]) -> bool:
        """Whether what was read last of any of these logs is gone, and with it perhaps what came after.

        Raises
        ------
        redis.RedisError
            The broker is away, or refuses.
        """
        with self.looking(partitions) as trimmed:
            return trimmed()

    @contextmanager
    def looking(self, partitions: Iterable[int]) -> Iterator[Callable[[], bool]]:
        """``trimmed``, asked now, to be called for the answer once other work is done."""
        anchors = {p: self._places[p].anchor for p in partitions}
        anchored = [(self._names.predictions(p), anchor) for p, anchor in anchors.items() if anchor is not None]
        with sent(self._client, [("XRANGE", log, anchor, anchor) for log, anchor in anchored]) as replies:

            def trimmed() -> bool:
                found = replies()
                for reply in found:
                    if isinstance(reply, Exception):
                        raise reply
                return not all(found) or self._lost_any([p for p, anchor in anchors.items() if anchor is None])

            yield trimmed

    def _lost_any(self, partitions: Iterable[int]) -> bool:
        """Whether entries left any of these logs, of which nothing was read yet, unseen."""
        infos = self._infos(partitions)
        gone = {p: info["entries-added"] - info["length"] for p, info in infos.items() if info}
        return any(count > self._places[p].gone for p, count in gone.items())

    def _infos(self, partitions: Iterable[int]) -> dict[int, dict[str, Any] | None]:
        """XINFO STREAM of each log; None where it does not exist."""
        asked = list(partitions)
        pipeline = self._client.pipeline(transaction=False)
        for p in asked:
            pipeline.xinfo_stream(self._names.predictions(p))
        infos: dict[int, dict[str, Any] | None] = {}
        for p, reply in zip(asked, pipeline.execute(raise_on_error=False), strict=True):
            if isinstance(reply, Exception):
                if "no such key" not in str(reply):
                    raise reply
                infos[p] = None
            else:
                infos[p] = reply
        return infos
