"""Rows to predictions: whose caches are in memory, how they are refilled, and what each row becomes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import redis

from inference_worker.bundle import EMBEDDING, OUTLOOK_HEADS, Manifest
from inference_worker.reasons import Abstention
from inference_worker.session import Heads, Job, Session
from inference_worker.warming import Warm, warm_caches
from shared.clock import Clock
from shared.codec import decode_kept_prediction, decode_row, encode_prediction
from shared.contracts import WINDOW, FeatureRow, Prediction, Rows, Series
from shared.errors import JunkError, StorageError
from shared.metrics import Metrics
from shared.names import Names
from shared.series_slots import SeriesSlots, SeriesState
from shared.series_stream import newest_before, newest_t
from shared.settings.groups import Settings
from shared.stage import Dead, Entry, Kept, Output, Pass, Result, StageKeys

RECENT_KEEP = 500
"""Newest predictions kept a series, for snapshots, ranges and scoring."""


@dataclass(slots=True)
class _Pending:
    """Rows of one series that follow one another, and where their answers belong."""

    state: SeriesState
    window: list[FeatureRow]  # the rows before that the caches have not seen
    fresh: bool  # they have seen none that counts
    rows: list[FeatureRow]
    places: list[int]


class PredictionStage:
    """The stage between the features log and the predictions log: the champion."""

    def __init__(
        self,
        client: redis.Redis,
        names: Names,
        clock: Clock,
        settings: Settings,
        metrics: Metrics,
        session: Session,
        promote: int = 0,
    ) -> None:
        self._client, self._names, self._clock, self._metrics = client, names, clock, metrics
        self._settings = settings
        self._serve(session)
        self.keys = StageKeys(
            stage="champion",
            service="worker",
            promote=promote,
            writes_latest=True,
            input_keep=settings.system.log_keep,
            output_keep=settings.system.predictions_keep,
            side_keep=RECENT_KEEP,
            side_keyless=True,
            source_keep=WINDOW,
        )

    @property
    def manifest(self) -> Manifest:
        """Of the bundle at work."""
        return self._manifest

    def _serve(self, session: Session) -> None:
        self._session = session
        self._manifest = session.bundle.manifest
        self._set8 = self._manifest.feature_set.hash[:8]
        self._outlook = [head for head in OUTLOOK_HEADS if head in self._manifest.heads]
        self._abstention = Abstention(self._manifest, self._settings.inference.confidence_min)
        self._series = SeriesSlots(session, self._settings.inference.max_series)

    def warm(self, session: Session, client: redis.Redis) -> list[Warm]:
        """Fill the caches of a session that is about to serve; called from another thread."""
        return warm_caches(client, self._names, session, self._series.known())

    def adopt(self, session: Session, promote: int, warm: Sequence[Warm] = ()) -> None:
        """Serve with another session, or the same under another number, from the next batch on."""
        if session is not self._session:
            self.forget()
            self._serve(session)
            for one in warm:
                self._series.put(one.series, one.slot, one.n, one.t)
        self.keys = replace(self.keys, promote=promote)

    def input_log(self, p: int) -> str:
        """Features log of the bundle's feature set."""
        return self._names.features(p, self._set8)

    def output_log(self, p: int) -> str:
        """Predictions log."""
        return self._names.predictions(p)

    def side(self, series: Series) -> str:
        """Recent predictions."""
        return self._names.recent(series.partition, series.key)

    def source(self, series: Series) -> str:
        """Window of rows."""
        return self._names.window(series.partition, self._set8, series.key)

    def decode(self, entry: Entry) -> FeatureRow:
        """Read a row; refuse one that is signed for other features than the bundle's."""
        row = decode_row(entry.fields.get(b"m", b""))
        ours = self._manifest.feature_set.hash
        if row.feature_set != ours:
            raise JunkError(f"the row is of feature set {row.feature_set}, bundle {self._manifest.id} of {ours}")
        if len(row.values) != len(self._manifest.feature_set.names):
            raise JunkError(f"the row has {len(row.values)} features, its set {len(self._manifest.feature_set.names)}")
        if row.series.partition != entry.partition:
            raise JunkError(f"{row.series.key} belongs to partition {row.series.partition}")
        return row

    def forget(self, partitions: Sequence[int] | None = None) -> None:
        """Drop the caches of these partitions, or all."""
        self._series.forget(partitions)

    def process(self, messages: Sequence[FeatureRow]) -> list[Result]:
        """Predictions of rows, in order within each series; rows before the ``WINDOW``-th become none."""
        queued_us = self._clock.now_us()
        results: list[Result] = [Pass()] * len(messages)
        pending: dict[str, _Pending] = {}
        hits = 0
        for at, row in enumerate(messages):
            key = row.series.key
            state = self._series.get(row.series)
            if state is not None and row.n <= state.n:
                results[at] = Dead("repeat", f"candle {row.n} of {key} has its prediction")
            elif row.n >= WINDOW:
                if state is None or row.n != state.n + 1 or row.previous_t != state.t:
                    if key in pending:
                        self._predict({key: pending.pop(key)}, results, queued_us)
                    window = self._recall(row)
                    if not isinstance(window, list):
                        results[at] = window
                        continue
                    if self._series.full:  # a slot that still has work must not be given away
                        self._predict(pending, results, queued_us)
                        pending = {}
                    state = self._series.take(row.series)
                    pending[key] = _missing(state, window)
                else:
                    hits += 1
                work = pending.setdefault(key, _Pending(state, [], False, [], []))
                work.rows.append(row)
                work.places.append(at)
                self._series.advance(row.series, row.n, row.t)
        self._predict(pending, results, queued_us)
        self._metrics.cache_hits.inc(hits)
        return results

    def _recall(self, row: FeatureRow) -> list[FeatureRow] | Dead | Pass:
        """The ``WINDOW - 1`` rows before this one, from the series' window stream."""
        series = row.series
        source, p = self.source(series), series.partition
        found = newest_before(self._client, source, row.t, WINDOW, _decode_kept_row, p)
        predicted_t = newest_t(
            self._client,
            self.side(series),
            lambda entry: decode_kept_prediction(entry.fields.get(b"m", b""), series),
            p,
        )
        if predicted_t >= row.t:
            return Dead("repeat", f"predictions of {series.key} are at {predicted_t} already")
        rows = [kept for t, kept in found if kept.t == t and kept.series == series]
        if not rows or (rows[-1].t, rows[-1].n) != (row.t, row.n) or not np.array_equal(rows[-1].values, row.values):
            return Dead("junk", f"the window of {series.key} holds no such row at {row.t}")
        if [kept.n for kept in rows] != list(range(row.n - WINDOW + 1, row.n + 1)):
            raise StorageError(
                f"window of {series.key}: {len(rows)} rows up to {row.t} instead of the last {WINDOW}; "
                "restore the broker's data or drop the series"
            )
        self._metrics.refills.inc()
        return rows[:-1]

    def _predict(self, pending: dict[str, _Pending], results: list[Result], queued_us: int) -> None:
        work = list(pending.values())
        jobs = [Job(item.state.slot, _stack([*item.window, *item.rows]), fresh=item.fresh) for item in work]
        answers = self._session.run(jobs)
        inferred_us = self._clock.now_us()
        found: list[int] = []
        for item, job, heads in zip(work, jobs, answers, strict=True):
            reasons, actions = self._abstention.reasons(job.rows, heads), self._actions(heads)
            for at, (row, place) in enumerate(zip(item.rows, item.places, strict=True), len(item.window)):
                bits = row.reasons | reasons[at]
                found.append(bits)
                results[place] = self._output(row, bits, heads, actions[at], at, queued_us, inferred_us)
        self._metrics.count_reasons(found)

    def _actions(self, heads: Heads) -> list[tuple[float, ...]]:
        """Action and size at each candle, for an account without a position; () without a policy."""
        if self._session.policy is None:
            return [()] * len(heads["buy"])
        actions = self._session.policy.flat_actions(heads[EMBEDDING])
        return [(float(action), float(abs(action))) for action in actions.tolist()]

    def _output(
        self,
        row: FeatureRow,
        reasons: int,
        heads: Heads,
        policy: tuple[float, ...],
        at: int,
        queued_us: int,
        inferred_us: int,
    ) -> Output:
        prediction = Prediction(
            row.series, row.t, row.n,
            float(heads["buy"][at]), float(heads["sell"][at]),
            tuple(heads["direction"][at].tolist()), tuple(heads["regime"][at].tolist()),
            tuple(float(heads[head][at]) for head in self._outlook), policy,
            reasons, self._manifest.id, self._manifest.feature_set.hash,
            row.admitted_us, row.row_us, queued_us, inferred_us,
        )  # fmt: skip
        return Output(row.series, Kept(row.t, encode_prediction(prediction), row.n))


def _missing(state: SeriesState, window: list[FeatureRow]) -> _Pending:
    """Work on a series that was read back: only what its caches lack, where they are of this window."""
    for at, row in enumerate(window):
        if (row.n, row.t) == (state.n, state.t):
            return _Pending(state, window[at + 1 :], False, [], [])
    return _Pending(state, window, True, [], [])


def _stack(rows: list[FeatureRow]) -> Rows:
    return np.stack([row.values for row in rows])  # (T, F)


def _decode_kept_row(entry: Entry) -> FeatureRow:
    return decode_row(entry.fields.get(b"m", b""))
