"""Reading the logs from the archive's own position: what is new, each thing once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis
import structlog

from archive.storage.catalog import Newest
from archive.storage.kinds import (
    CANDLES,
    Record,
    ack_record,
    candle_record,
    outcome_record,
    prediction_record,
    row_record,
)
from shared.broker import fields_of
from shared.codec import decode_ack, decode_candle, decode_outcome, decode_prediction, decode_row
from shared.contracts import PARTITIONS, Series
from shared.errors import JunkError
from shared.gate import START
from shared.metrics import ArchiveMetrics
from shared.names import Names

READ_MAX = 1_024
"""Entries of a log in one read, at most: of hundreds of logs they are one reply."""

Fields = dict[bytes, bytes]
_log = structlog.get_logger()


@dataclass(frozen=True)
class Source:
    """One log, and how its entries become rows."""

    log: str
    read: Callable[[Fields], Record]


def sources(names: Names, sets: Sequence[str], shadows: Sequence[str]) -> Iterator[Source]:
    """Every log that is archived: of ``sets`` (eight digits each) the rows, of ``shadows`` what they predicted."""
    yield Source(names.acks, lambda fields: ack_record(decode_ack(_message(fields))))
    for p in range(PARTITIONS):
        yield Source(names.candles(p), _candle)
        yield Source(names.predictions(p), partial(_prediction, shadow=False))
        yield Source(names.outcomes(p), partial(_outcome, shadow=False))
        for set8 in sets:
            yield Source(names.features(p, set8), lambda fields: row_record(decode_row(_message(fields))))
        for bundle in shadows:
            yield Source(names.shadow(p, bundle), partial(_prediction, shadow=True))
            yield Source(names.shadow_outcomes(p, bundle), partial(_outcome, shadow=True))


def _message(fields: Fields) -> bytes:
    return fields.get(b"m", b"")


def _candle(fields: Fields) -> Record:
    return candle_record(decode_candle(_message(fields), fields.get(b"n", b""), fields.get(b"a", b"0")))


def _prediction(fields: Fields, *, shadow: bool) -> Record:
    return prediction_record(decode_prediction(_message(fields)), shadow=shadow)


def _outcome(fields: Fields, *, shadow: bool) -> Record:
    return outcome_record(decode_outcome(_message(fields)), shadow=shadow)


class Tail:
    """Gathers rows that are not in the archive yet, with the positions they bring it to.

    A read takes at most half of what a log keeps for readers behind, so one that is full is the alarm that the rest is
    soon trimmed unread. Logs that keep more are asked in parts of the same size: the shortest is trimmed first.

    A row at or before the newest one of its series (and bundle, or feature set) is known: a broker that lost its tail
    was sent the same candles again. Candles that were trimmed unread are taken from their series' history, if it still
    has them; what else is missing is counted.
    """

    def __init__(
        self,
        client: redis.Redis,
        names: Names,
        metrics: ArchiveMetrics,
        positions: dict[str, str],
        newest: Sequence[Newest],
        log_keep: int,
    ) -> None:
        """``log_keep``: newest entries that a log keeps at least, whoever has read them."""
        self._client, self._names, self._metrics = client, names, metrics
        self._positions, self._read_count = positions, min(READ_MAX, max(1, log_keep // 2))
        self._newest = {(one.kind, one.series, one.of): one for one in newest}
        self.records: list[Record] = []
        self.moved: dict[str, str] = {}
        self.newest: dict[tuple[str, str, str], Newest] = {}

    def read(self, logs: Sequence[Source], block_ms: int) -> int:
        """Read on in all logs, waiting up to ``block_ms`` for the first entry; returns how many were read."""
        by_key = {one.log.encode(): one for one in logs}
        block = ["BLOCK", block_ms] if block_ms else []
        places = [self._positions.get(one.log, START) for one in logs]
        reply = self._client.execute_command("XREAD", "COUNT", self._read_count, *block, "STREAMS", *by_key, *places)
        self._alarm([len(entries) for _, entries in reply or []])
        for key, entries in reply or []:
            for raw in entries:
                self._take(by_key[key], fields_of(raw))
            log, last = by_key[key].log, entries[-1][0].decode()
            self._positions[log] = self.moved[log] = last
        return sum(len(entries) for _, entries in reply or [])

    def _alarm(self, counts: Sequence[int]) -> None:
        """Say while it is still there that a log is about to be trimmed unread."""
        behind = sum(count >= self._read_count for count in counts)
        self._metrics.behind.set(behind)
        if behind:
            _log.error("reader_falls_behind", stage="archive", logs=behind, waiting=self._read_count)

    def _take(self, source: Source, fields: Fields) -> None:
        try:
            one = source.read(fields)
        except JunkError:
            return  # whose log it is buries it
        before = self._newest.get((one.kind, one.key, one.of))
        if before is not None and one.place <= before.t:
            self._metrics.known.labels(one.kind).inc()
            return
        if before is not None and one.series is not None and one.n > before.n + 1:
            self._fill(one, one.series, before)
        self._enter(one)

    def _enter(self, one: Record) -> None:
        key = one.kind, one.key, one.of
        self._newest[key] = self.newest[key] = Newest(*key, one.place, one.n)
        self.records.append(one)

    def _fill(self, one: Record, series: Series, before: Newest) -> None:
        """Take what lies between from the series' history; count what is not there."""
        found: list[Record] = []
        if one.kind == CANDLES:
            history = self._names.history(series.partition, series.key)
            entries: list[Any] = self._client.execute_command("XRANGE", history, f"({before.t}-0", f"({one.t}-0")
            for raw in entries:
                try:
                    found.append(_candle(fields_of(raw)))
                except JunkError:
                    continue
        for earlier in found:
            self._enter(earlier)
        missing = one.n - before.n - 1 - len(found)
        if missing > 0:
            self._metrics.missed.labels(one.kind).inc(missing)
            _log.error("archive_missed", kind=one.kind, series=series.key, rows=missing)

    def taken(self) -> tuple[list[Record], dict[str, str], list[Newest]]:
        """What was gathered since this was last asked: it is the caller's to write."""
        found = self.records, self.moved, list(self.newest.values())
        self.records, self.moved, self.newest = [], {}, {}
        return found
