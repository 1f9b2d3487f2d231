"""What a run learns from: histories, and the labelled series they become."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS
from inference_worker.records import DataRecord, SpanRecord, SplitRecord
from shared.contracts import Candles, Series
from shared.errors import TrainingError
from shared.settings.learning import DataSettings, LabelSettings
from trainer.cache import LessonCache
from trainer.chunks import LabelledSeries
from trainer.costs import round_trip_costs
from trainer.labels.heads import UNLABELLED, FittedLabels, Labels, LabelSource
from trainer.markets import shared_dates, split_by_market
from trainer.mirroring import Mirror, mirror_candles
from trainer.perturbation import Perturbation
from trainer.scaler import Scaler
from trainer.shelf import LessonShelf
from trainer.splits import Span, Splits, fewest_candles

LABEL_SHARE_MIN = 0.001  # of the training labels that a class must have to be learned


@dataclass(frozen=True)
class History:
    """Candles of one file, and where they came from."""

    series: Series
    candles: Candles  # (N,), ascending
    tz: str  # zone the stamps were read in
    sha256: str  # of the file
    spread: NDArray[np.float64] | None = None  # (N,) price between bid and ask, NaN where a row has none

    @property
    def record(self) -> DataRecord:
        """What the manifest keeps of it."""
        times = self.candles["t"]
        return DataRecord(
            symbol=self.series.symbol,
            timeframe=self.series.timeframe,
            tz=self.tz,
            sha256=self.sha256,
            candles=len(times),
            first=int(times[0]),
            last=int(times[-1]),
        )


@dataclass(frozen=True)
class Lesson:
    """Everything a run learns from and is judged on."""

    series: tuple[LabelledSeries, ...]
    labels: FittedLabels
    splits: tuple[SplitRecord, ...]
    notes: tuple[str, ...] = ()  # what to know of the splits, a sentence each

    @property
    def costs(self) -> dict[str, float]:
        """Series key -> median cost of a round trip in the training split, 1/10,000 of the price."""
        return dict(self.labels.costs_bps)

    @cached_property
    def scaler(self) -> Scaler:
        """Fitted on the training splits of all series."""
        return _fit_scaler(self.series)


@dataclass(frozen=True)
class LabelledHistories:
    """Histories split and labelled, with thresholds of their training splits."""

    sources: tuple[LabelSource, ...]
    splits: tuple[Splits, ...]
    fitted: FittedLabels
    labels: tuple[Labels, ...]
    notes: tuple[str, ...]  # what to know of the splits, a sentence each


def label_histories(
    histories: Sequence[History], data: DataSettings, labels: LabelSettings, cache: LessonCache | None = None
) -> LabelledHistories:
    """Split histories, fit labels on the training splits, and label.

    Raises
    ------
    TrainingError
        No history, one series twice, too few candles in one, or one market without common dates.
    """
    horizon = max(labels.horizons.values())
    _check_series(histories, fewest_candles(FEATURE_SET.lookback, horizon, data))
    series, times = [one.series for one in histories], [one.candles["t"] for one in histories]
    splits = split_by_market(series, times, FEATURE_SET.lookback, horizon, data)
    sources = tuple(
        LabelSource(
            one.series.key,
            one.candles,
            split.train.mask(len(one.candles)),
            round_trip_costs(one.candles, one.spread, labels.cost_bps),
        )
        for one, split in zip(histories, splits, strict=True)
    )
    fitted, found = LessonShelf(cache).labels(labels, sources)
    return LabelledHistories(sources, tuple(splits), fitted, tuple(found), shared_dates(series, times, splits))


def prepare_lesson(
    histories: Sequence[History], data: DataSettings, labels: LabelSettings, cache: LessonCache | None = None
) -> Lesson:
    """Split, fit labels on the training splits, label and compute features.

    Raises
    ------
    TrainingError
        As ``label_histories``, or a head with a class that is missing.
    """
    found = label_histories(histories, data, labels, cache)
    learned = {
        head: [part[head][source.train] for part, source in zip(found.labels, found.sources, strict=True)]
        for head in HEADS
    }
    for head, record in found.fitted.records().items():
        known = np.concatenate(learned[head])
        _check_classes(head, known[known != UNLABELLED], record.classes)
    shelf = LessonShelf(cache)
    plain = tuple(
        LabelledSeries(source.key, shelf.rows(source.candles), part, split, source.candles, source.costs)
        for source, part, split in zip(found.sources, found.labels, found.splits, strict=True)
    )
    perturbation = Perturbation.fit(data.perturbation, lambda: _fit_scaler(plain), learned)
    return Lesson(
        tuple(
            replace(
                one,
                perturbation=perturbation,
                mirror=_mirror(one, found.fitted, shelf) if data.perturbation.mirror else None,
            )
            for one in plain
        ),
        found.fitted,
        tuple(_split_record(source, split) for source, split in zip(found.sources, found.splits, strict=True)),
        found.notes,
    )


def _mirror(series: LabelledSeries, fitted: FittedLabels, shelf: LessonShelf) -> Mirror:
    candles = mirror_candles(series.candles)
    return Mirror(candles, shelf.rows(candles), fitted.compute(series.key, candles, series.costs))


def _fit_scaler(series: Sequence[LabelledSeries]) -> Scaler:
    return Scaler.fit([one.rows[one.splits.train.start : one.splits.train.stop] for one in series])


def _check_series(histories: Sequence[History], fewest: int) -> None:
    if not histories:
        raise TrainingError("csv", [], "names no file", "give --csv at least once")
    keys = [one.series.key for one in histories]
    for one in histories:
        key = one.series.key
        if keys.count(key) > 1:
            raise TrainingError("csv", key, "is the series of more than one file", "give one of them another symbol")
        if len(one.candles) < fewest:
            raise TrainingError(
                f"candles of {key}", len(one.candles), f"must be at least {fewest}", "give a longer history"
            )


def _check_classes(head: str, learned: np.ndarray, classes: Sequence[str]) -> None:
    """Refuse labels from which a head could learn nothing: a class that (nearly) never occurs."""
    counts = np.bincount(learned, minlength=len(classes))
    for name, count in zip(classes, counts, strict=True):
        if count <= LABEL_SHARE_MIN * len(learned):
            raise TrainingError(
                f"labels of {head}",
                dict(zip(classes, counts.tolist(), strict=True)),
                f"must hold enough of the class {name} in the training split",
                "give a history in which prices move",
            )


def _split_record(source: LabelSource, split: Splits) -> SplitRecord:
    times = source.candles["t"]

    def span(part: Span) -> SpanRecord:
        return SpanRecord(first=int(times[part.start]), last=int(times[part.stop - 1]), candles=len(part))

    return SplitRecord(
        series=source.key, train=span(split.train), validation=span(split.validation), test=span(split.test)
    )
