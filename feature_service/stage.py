"""Candles to rows: which series are in memory, how they come back from the broker, and what each candle becomes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import redis

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from feature_service.rings import SeriesRings
from shared.clock import Clock
from shared.codec import decode_candle, decode_row, encode_row
from shared.contracts import CANDLE_DTYPE, WINDOW, Candle, Candles, FeatureRow, Flag, Reason, Rows, Series
from shared.errors import JunkError, StorageError
from shared.metrics import Metrics
from shared.names import Names
from shared.series_calendars import SeriesCalendars, Step
from shared.series_slots import SeriesSlots, SeriesState
from shared.series_stream import newest_before, newest_t
from shared.settings.groups import Settings
from shared.stage import Dead, Entry, Kept, Output, Result, StageKeys

SET8 = FEATURE_SET.hash[:8]
LAST_WARMING_N = FEATURE_SET.lookback + WINDOW - 2
"""Up to this candle the window of a prediction holds a row that saw candles from before the series' first."""


@dataclass(slots=True)
class _Job:
    """A candle that becomes a row."""

    at: int  # place among the messages
    candle: Candle
    slot: int
    previous_t: int
    missing: tuple[Kept, ...]


class FeatureStage:
    """The stage between the candles log and the features log."""

    def __init__(self, client: redis.Redis, names: Names, clock: Clock, settings: Settings, metrics: Metrics) -> None:
        self._client, self._names, self._clock, self._metrics = client, names, clock, metrics
        self._calendars = SeriesCalendars(client, names, settings.feature_service.max_series)
        self._rings = SeriesRings()
        self._series = SeriesSlots(self._rings, settings.feature_service.max_series)
        self.keys = StageKeys(
            stage=f"features:{SET8}",
            service="feature_service",
            input_keep=settings.system.log_keep,
            source_keep=FEATURE_SET.lookback + WINDOW,
        )

    def input_log(self, p: int) -> str:
        """Candles log."""
        return self._names.candles(p)

    def output_log(self, p: int) -> str:
        """Features log of this feature set."""
        return self._names.features(p, SET8)

    def side(self, series: Series) -> str:
        """Window of rows."""
        return self._names.window(series.partition, SET8, series.key)

    def source(self, series: Series) -> str:
        """History of candles."""
        return self._names.history(series.partition, series.key)

    def decode(self, entry: Entry) -> Candle:
        """Read an admitted candle."""
        try:
            candle = decode_candle(entry.fields[b"m"], entry.fields[b"n"], entry.fields.get(b"a", b"0"))
        except KeyError as error:
            raise JunkError(f"does not decode: no field {error}") from None
        if candle.series.partition != entry.partition:
            raise JunkError(f"{candle.series.key} belongs to partition {candle.series.partition}")
        return candle

    def forget(self, partitions: Sequence[int] | None = None) -> None:
        """Drop the rings of these partitions, or all."""
        self._series.forget(partitions)
        self._calendars.forget()

    def process(self, messages: Sequence[Candle]) -> list[Result]:
        """Rows of candles, in order within each series."""
        results: list[Result | None] = [None] * len(messages)
        jobs: list[_Job] = []
        hits = 0
        for at, candle in enumerate(messages):
            state = self._series.get(candle.series)
            missing: tuple[Kept, ...] = ()
            if state is not None and candle.n <= state.n:
                results[at] = Dead("repeat", f"candle {candle.n} of {candle.series.key} has its row")
                continue
            if state is None or candle.n != state.n + 1 or candle.t <= state.t:
                self._push(jobs, results)  # the ring is about to be written anew
                recalled = self._recall(candle)
                if isinstance(recalled, Dead):
                    results[at] = recalled
                    continue
                state, missing = recalled
            else:
                hits += 1
            jobs.append(_Job(at, candle, state.slot, state.t, missing))
            self._series.advance(candle.series, candle.n, candle.t)
        self._push(jobs, results)
        self._metrics.cache_hits.inc(hits)
        assert all(result is not None for result in results)
        return [result for result in results if result is not None]

    def _push(self, jobs: list[_Job], results: list[Result | None]) -> None:
        """Compute the rows of all waiting candles in one call, and empty ``jobs``."""
        if not jobs:
            return
        slots = np.array([job.slot for job in jobs], np.int64)
        rows = self._rings.push(slots, _array([job.candle for job in jobs]))  # (M, F)
        gaps = self._calendars.gaps([Step(job.candle.series, job.previous_t, job.candle.t) for job in jobs])
        row_us = self._clock.now_us()
        for job, values, gap in zip(jobs, rows, gaps, strict=True):
            candle = job.candle
            results[job.at] = Output(candle.series, _kept(candle, job.previous_t, values, gap, row_us), job.missing)
        jobs.clear()

    def _recall(self, candle: Candle) -> tuple[SeriesState, tuple[Kept, ...]] | Dead:
        """Read the candles before this one back from the series' history.

        Returns the state just before the candle, and the rows that the series' window lacks.
        """
        series = candle.series
        count = min(candle.n, FEATURE_SET.lookback + WINDOW)
        found = newest_before(self._client, self.source(series), candle.t, count, self._decode_kept, series.partition)
        candles = [kept for t, kept in found if kept.t == t and kept.series == series]
        window_t = newest_t(self._client, self.side(series), _decode_window_row, series.partition)
        if window_t >= candle.t:
            return Dead("repeat", f"the window of {series.key} is at {window_t} already")
        if not candles or (candles[-1].t, candles[-1].n) != (candle.t, candle.n) or not _same(candles[-1], candle):
            return Dead("junk", f"the history of {series.key} holds no such candle at {candle.t}")
        contiguous = _contiguous(candles)
        if len(contiguous) < min(candle.n, FEATURE_SET.lookback):
            raise StorageError(
                f"history of {series.key}: {len(contiguous)} candles up to {candle.t} of at least "
                f"{min(candle.n, FEATURE_SET.lookback)}; restore the broker's data or drop the series"
            )
        before = contiguous[:-1]
        self._metrics.refills.inc()
        state = self._series.take(series)
        self._rings.seed(state.slot, _array(before[-(FEATURE_SET.lookback - 1) :]))
        state.n, state.t = candle.n - 1, before[-1].t if before else 0
        missing = self._missing_rows(before, window_t) if before and window_t < before[-1].t else ()
        return state, missing

    def _missing_rows(self, before: list[Candle], window_t: int) -> tuple[Kept, ...]:
        """Rows of the newest ``WINDOW - 1`` candles that a window which ends at ``window_t`` lacks."""
        whole = before[0].n == 1
        rows: Rows = compute_history(_array(before))
        first_sound = 0 if whole else FEATURE_SET.lookback - 1
        places = range(max(first_sound, len(before) - (WINDOW - 1)), len(before))
        wanted = [(at, before[at - 1].t if at else 0) for at in places if before[at].t > window_t]
        gaps = self._calendars.gaps([Step(before[at].series, previous_t, before[at].t) for at, previous_t in wanted])
        return tuple(
            _kept(before[at], previous_t, rows[at], gap, 0) for (at, previous_t), gap in zip(wanted, gaps, strict=True)
        )

    def _decode_kept(self, entry: Entry) -> Candle:
        try:
            return decode_candle(entry.fields[b"m"], entry.fields[b"n"], b"0")
        except KeyError as error:
            raise JunkError(f"does not decode: no field {error}") from None


def _decode_window_row(entry: Entry) -> FeatureRow:
    return decode_row(entry.fields.get(b"m", b""))


def _array(candles: Sequence[Candle]) -> Candles:
    return np.array([(c.t, c.o, c.h, c.l, c.c, c.v) for c in candles], CANDLE_DTYPE)


def _same(left: Candle, right: Candle) -> bool:
    return (left.o, left.h, left.l, left.c, left.v) == (right.o, right.h, right.l, right.c, right.v)


def _contiguous(candles: list[Candle]) -> list[Candle]:
    """The newest of ``candles`` whose numbers follow one another."""
    start = len(candles) - 1
    while start and candles[start - 1].n == candles[start].n - 1:
        start -= 1
    return candles[start:]


def _kept(candle: Candle, previous_t: int, values: Rows, gap: bool, row_us: int) -> Kept:
    reasons = Reason.WARMING if candle.n <= LAST_WARMING_N else Reason(0)
    if gap:
        reasons |= Reason.GAP
    if candle.flags & Flag.REPLAY:
        reasons |= Reason.REPLAY
    row = FeatureRow(
        candle.series,
        candle.t,
        previous_t,
        candle.n,
        values,
        FEATURE_SET.hash,
        int(reasons),
        candle.admitted_us,
        row_us,
    )
    return Kept(candle.t, encode_row(row), candle.n)
