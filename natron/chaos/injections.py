"""What others might write: candles twice, late and altered; copies and junk in every stream."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import redis

from feature_service.feature_set import FEATURE_SET
from natron.chaos.record import Record
from shared.admission import CSV_SOURCE, Admission
from shared.broker import fields_of
from shared.contracts import Candles, Flag, Series
from shared.names import Names

BEHIND = 500
"""Candles up to so far behind the newest are sent again, altered or late: all of them are still kept."""
AHEAD = 8
"""Candles that a second producer of the same source sends before the first one does."""
COPIES = 3


class Injections:
    """Writes as an outsider does, and as a second producer does.

    Parameters
    ----------
    candles
        (N,) of the file, ascending t.
    """

    def __init__(
        self,
        admission: Admission,
        client: redis.Redis,
        names: Names,
        series: Series,
        candles: Candles,
        draw: random.Random,
        record: Record,
    ) -> None:
        self._admission, self._client, self._names, self._series = admission, client, names, series
        self._candles, self._draw, self._record = candles, draw, record

    def apply(self, kind: str) -> bool:
        """Do it; False where nothing was admitted yet: try again."""
        newest_t = self._admission.newest(self._series)
        if newest_t is None:
            return False
        newest = int(np.searchsorted(self._candles["t"], newest_t))
        if newest < BEHIND:
            return False
        {"duplicate": self._duplicate, "late": self._late, "garbage": self._garbage}[kind](newest)
        return True

    def _duplicate(self, newest: int) -> None:
        """A second producer around the newest candle, and entries of both logs once more, as they are."""
        # The file's last candle is withheld by the producer, as it may be open.
        self._send(self._candles[newest - COPIES : min(newest + AHEAD, len(self._candles) - 1)])
        for log in self._logs():
            for entry in self._client.execute_command("XREVRANGE", log, "+", "-", "COUNT", COPIES):
                self._append(log, fields_of(entry))

    def _late(self, newest: int) -> None:
        """Candles of times that have passed: altered ones, one where the file has none, one older than what is kept."""
        places = [newest - self._draw.randrange(1, BEHIND) for _ in range(COPIES)]
        altered = self._candles[places].copy()
        altered["h"] *= 1.01
        for at in range(COPIES):
            self._send(altered[at : at + 1])
        late = altered[:1].copy()
        late["t"] = self._free_time(newest)
        self._send(late)
        older = self._candles[:1].copy()
        older["t"] -= self._series.width_ms
        self._send(older)

    def _free_time(self, newest: int) -> int:
        """Open time of which the file has no candle: in a weekend, or where there is none, off the grid."""
        t, width_ms = self._candles["t"][newest - BEHIND : newest], self._series.width_ms
        gaps = np.flatnonzero(np.diff(t) >= 2 * width_ms)
        return int(t[self._draw.choice(gaps.tolist())]) + width_ms if gaps.size else int(t[-1]) - width_ms // 2

    def _garbage(self, newest: int) -> None:  # noqa: ARG002 - as its siblings
        for log in self._logs():
            for fields in self._junk(log):
                self._append(log, fields)
        p, key = self._series.partition, self._series.key
        streams = [self._names.predictions(p), self._names.history(p, key), self._names.recent(p, key)]
        streams += [self._names.window(p, FEATURE_SET.hash[:8], key), self._names.rejects(p), self._names.dead(p)]
        for stream in streams:
            self._client.execute_command("XADD", stream, "*", "garbage", b"\xff\x00")
            self._record.entries[_kind_of(stream)] += 1

    def _junk(self, log: str) -> Iterator[dict[bytes, bytes]]:
        """What is none of a log's messages, from nonsense to nearly right."""
        yield {b"garbage": b"\xff\x00"}
        yield {b"m": self._draw.randbytes(self._draw.randrange(200)), b"n": b"x", b"a": b"1"}
        for entry in self._client.execute_command("XREVRANGE", log, "+", "-", "COUNT", 1):
            fields = fields_of(entry)
            message = fields.get(b"m", b"")
            yield fields | {b"m": message[:-1]}
            yield fields | {b"m": message + b"\0"}
            yield fields | {b"m": b"\x7f" + message[1:]}

    def _send(self, candles: Candles) -> None:
        verdicts = self._admission.admit(self._series, candles, int(Flag.REPLAY), CSV_SOURCE)
        self._record.candles.update(map(str, verdicts))

    def _append(self, log: str, fields: dict[bytes, bytes]) -> None:
        flat: list[Any] = [item for pair in fields.items() for item in pair]
        entry_id = self._client.execute_command("XADD", log, "*", *flat)
        self._record.entries[_kind_of(log)] += 1
        self._record.buriable.add((log, entry_id.decode()))

    def _logs(self) -> list[str]:
        p = self._series.partition
        return [self._names.candles(p), self._names.features(p, FEATURE_SET.hash[:8])]


def _kind_of(key: str) -> str:
    """``candles`` of ``natron:{7}:candles``."""
    return key.split(":")[2]
