"""Reading the predictions logs of all partitions without holding a stage's position in them."""

from dataclasses import dataclass

import redis

from shared.broker import broker_ms, fields_of
from shared.codec import decode_prediction
from shared.contracts import PARTITIONS, Prediction
from shared.errors import JunkError
from shared.gate import START
from shared.names import Names

HOLD_MS = 3_000
"""How long a hold lasts without being renewed."""


@dataclass(frozen=True, slots=True)
class Published:
    """One entry of a predictions log; ``prediction`` is None, and ``fault`` says why, where it does not decode."""

    partition: int
    id: str
    prediction: Prediction | None
    fault: str = ""


class PredictionLog:
    """A reader of all predictions logs, each in order from where it stands.

    Parameters
    ----------
    from_start
        Begin at the oldest kept entry; otherwise with what is published from now on.
    """

    def __init__(self, client: redis.Redis, names: Names, *, from_start: bool) -> None:
        self._client, self._names = client, names
        self.positions = dict.fromkeys(range(PARTITIONS), START)
        if not from_start:
            self._seek_ends()

    def _seek_ends(self) -> None:
        for p in self.positions:
            newest = self._client.execute_command("XREVRANGE", self._names.predictions(p), "+", "-", "COUNT", 1)
            if newest:
                self.positions[p] = newest[0][0].decode()

    def read(self, block_ms: int, count: int = 256) -> list[Published]:
        """Read up to ``count`` entries a partition, waiting up to ``block_ms`` for the first."""
        log_of = {self._names.predictions(p).encode(): p for p in self.positions}
        block = ["BLOCK", block_ms] if block_ms else []
        reply = self._client.execute_command(
            "XREAD", "COUNT", count, *block, "STREAMS", *log_of, *self.positions.values()
        )
        published = []
        for log, entries in reply or []:
            p = log_of[log]
            for raw in entries:
                entry_id = raw[0].decode()
                try:
                    prediction, fault = decode_prediction(fields_of(raw).get(b"m", b"")), ""
                except JunkError as error:
                    prediction, fault = None, str(error)
                published.append(Published(p, entry_id, prediction, fault))
                self.positions[p] = entry_id
        return published

    def hold(self, name: str) -> None:
        """Keep what is not read yet from being trimmed, for ``HOLD_MS``; call it at least once a second."""
        until_ms = broker_ms(self._client) + HOLD_MS
        pipeline = self._client.pipeline(transaction=False)
        for p, position in self.positions.items():
            pipeline.hset(self._names.position(p), f"hold:{name}", f"{position} {until_ms}")
        pipeline.execute()

    def release(self, name: str) -> None:
        """Hold nothing any more."""
        pipeline = self._client.pipeline(transaction=False)
        for p in self.positions:
            pipeline.hdel(self._names.position(p), f"hold:{name}")
        pipeline.execute()
