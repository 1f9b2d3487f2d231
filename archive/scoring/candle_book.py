"""The newest candles of every series, read from the candles logs as they come: labels are made of them.

A series' history in the broker reaches back only as far as the feature service needs it, and the rows may be thousands
ahead of their predictions; so whoever scores these reads the candles at their own time.
"""

import threading
from dataclasses import dataclass

import numpy as np
import redis
import structlog

from shared.broker import LOST, fields_of
from shared.codec import decode_candle
from shared.contracts import CANDLE_DTYPE, PARTITIONS, Candle, Candles, Series
from shared.errors import JunkError
from shared.gate import START
from shared.names import Names
from shared.series_stream import newest_before
from shared.stage import Entry
from shared.suspects import id_order

READ_COUNT = 512
"""Entries read a partition at a time."""
BLOCK_MS = 100
RETRY_S = 0.2
HELD_MAX = 32_768
"""Newest candles held a series: more than may wait between its features and its predictions."""
HISTORY = 1_024
"""Candles read back of a series that is new here, where the broker still has them."""

_log = structlog.get_logger()


@dataclass(slots=True)
class _Held:
    """Candles ``first`` to ``first + size - 1`` of a series, by their number."""

    first: int
    table: Candles  # (capacity,)
    size: int = 0

    def append(self, candle: Candle) -> None:
        if self.size == len(self.table):
            kept = self.table[-HELD_MAX // 2 :] if self.size >= HELD_MAX else self.table
            self.first += self.size - len(kept)
            self.size = len(kept)
            self.table = np.concatenate([kept, np.zeros(max(64, len(kept)), CANDLE_DTYPE)])
        self.table[self.size] = (candle.t, candle.o, candle.h, candle.l, candle.c, candle.v)
        self.size += 1

    def knows(self, candle: Candle) -> bool:
        """Whether it was read before; another one of its number means that the broker lost its tail."""
        if candle.n < self.first:
            return True
        return candle.n < self.next_n and int(self.table["t"][candle.n - self.first]) == candle.t

    @property
    def next_n(self) -> int:
        return self.first + self.size


class CandleBook:
    """Reads all candles logs from what they still hold on; ``start`` it, then ask from any thread."""

    def __init__(self, client: redis.Redis, names: Names) -> None:
        self._client, self._names = client, names
        self._positions = dict.fromkeys(range(PARTITIONS), START)
        self._held: dict[str, _Held] = {}
        self._arrived = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="candle-book", daemon=True)

    def start(self) -> None:
        """Begin to read, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._stop.set()
        self._thread.join()

    def candles(self, series: Series, first: int, last: int, timeout_s: float) -> tuple[int, Candles]:
        """Candles number ``first`` to ``last`` of a series, or those of them that it has in one piece up to ``last``.

        Waits until it has read as far as ``last``, or as the log goes, at most ``timeout_s``.

        Returns
        -------
        The number of the first one, and the candles; none where ``last`` itself is missing.
        """
        if timeout_s and not self._reaches(series.key, last):
            end = self._end(series.partition)
            with self._arrived:
                self._arrived.wait_for(
                    lambda: self._reaches(series.key, last) or id_order(self._positions[series.partition]) >= end,
                    timeout_s,
                )
        with self._arrived:
            held = self._held.get(series.key)
            if held is None or not held.first <= last < held.next_n:
                return last + 1, np.zeros(0, CANDLE_DTYPE)
            start = max(first, held.first)
            return start, held.table[start - held.first : last + 1 - held.first].copy()

    def _end(self, p: int) -> tuple[int, int]:
        """Where a partition's candles log ends now: what stands there no more will not come."""
        newest = self._client.execute_command("XREVRANGE", self._names.candles(p), "+", "-", "COUNT", 1)
        return id_order(newest[0][0].decode()) if newest else (0, 0)

    def _reaches(self, key: str, n: int) -> bool:
        held = self._held.get(key)
        return held is not None and held.next_n > n

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except LOST as error:
                _log.warning("broker_awaited", error=str(error), retry_s=RETRY_S)
                self._stop.wait(RETRY_S)

    def _read(self) -> None:
        log_of = {self._names.candles(p).encode(): p for p in self._positions}
        reply = self._client.execute_command(
            "XREAD", "COUNT", READ_COUNT, "BLOCK", BLOCK_MS, "STREAMS", *log_of, *self._positions.values()
        )
        for log, entries in reply or []:
            p = log_of[log]
            for raw in entries:
                try:
                    candle = _decode(Entry(p, raw[0].decode(), fields_of(raw)))
                except JunkError:
                    continue  # the feature service buries it
                self._take(candle)
            with self._arrived:
                self._positions[p] = entries[-1][0].decode()
                self._arrived.notify_all()

    def _take(self, candle: Candle) -> None:
        held = self._held.get(candle.series.key)
        if held is not None and held.knows(candle):
            return
        earlier = [] if held is not None and candle.n == held.next_n else self._recall(candle)
        with self._arrived:
            if held is None or candle.n != held.next_n:
                held = _Held(candle.n - len(earlier), np.zeros(len(earlier) + 64, CANDLE_DTYPE))
                self._held[candle.series.key] = held
            for one in (*earlier, candle):
                held.append(one)

    def _recall(self, candle: Candle) -> list[Candle]:
        """The candles before this one that the series' history still has, without a hole."""
        series = candle.series
        key, p = self._names.history(series.partition, series.key), series.partition
        found = [one for _, one in newest_before(self._client, key, candle.t - 1, HISTORY, _decode, p)]
        kept: list[Candle] = []
        for one in reversed(found):
            if one.n != candle.n - len(kept) - 1:
                break
            kept.append(one)
        return kept[::-1]


def _decode(entry: Entry) -> Candle:
    """Read a candle of a log or a history; the latter has no time of admission."""
    return decode_candle(entry.fields.get(b"m", b""), entry.fields.get(b"n", b""), entry.fields.get(b"a", b"0"))
