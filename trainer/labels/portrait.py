"""What labels look like: shares, memory, and what needs no model, on the file and on walks that are matched to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.settings.learning import LabelSettings
from trainer.evaluation.walks import mirrored_walk
from trainer.labels.heads import UNLABELLED, FittedLabels, Labels, LabelSource, fit_labels, newest_resolved

LAGS = (1, 5, 20)  # candles
WALKS = 3  # each with every return's sign drawn anew

LabelArray = NDArray[np.int8]  # (N,)


@dataclass(frozen=True)
class HeadPortrait:
    """One head on one series, over all candles whose label is known; shares and accuracies 0..1."""

    series: str
    head: str
    horizon: int  # candles
    labelled: int
    shares: dict[str, float]  # class -> share
    autocorrelation: dict[int, float]  # lag in candles -> correlation of class membership, 0 where one class is all
    majority: float  # accuracy of the training split's commonest class
    persistence: float  # accuracy of the newest label that is known at the candle's close
    walk_majority: float  # the same two, mean over walks with the file's own ranges, volumes and times
    walk_persistence: float
    thresholds: dict[str, float]  # those of this series and those of all


def portray(
    settings: LabelSettings, fitted: FittedLabels, sources: Sequence[LabelSource], labels: Sequence[Labels], seed: int
) -> list[HeadPortrait]:
    """Describe every head on every series.

    Walks keep each candle's size and toss a coin for its direction; labels are fitted on them anew.
    """
    walks = [_walk_labels(settings, sources, seed + turn) for turn in range(WALKS)]
    found = []
    for index, (source, own) in enumerate(zip(sources, labels, strict=True)):
        for head, record in fitted.records().items():
            walked = [_baselines(one[index][head], source.train, record.horizon) for one in walks]
            known = own[head][own[head] != UNLABELLED]
            shares = np.bincount(known, minlength=len(record.classes)) / max(len(known), 1)
            majority, persistence = _baselines(own[head], source.train, record.horizon)
            found.append(
                HeadPortrait(
                    series=source.key,
                    head=head,
                    horizon=record.horizon,
                    labelled=len(known),
                    shares=dict(zip(record.classes, shares.tolist(), strict=True)),
                    autocorrelation={lag: autocorrelation(own[head], lag) for lag in LAGS},
                    majority=majority,
                    persistence=persistence,
                    walk_majority=float(np.mean([one for one, _ in walked])),
                    walk_persistence=float(np.mean([one for _, one in walked])),
                    thresholds=_thresholds_of(source.key, record.thresholds, [one.key for one in sources]),
                )
            )
    return found


def autocorrelation(labels: LabelArray, lag: int) -> float:
    """Correlate class membership with that ``lag`` candles later, over all classes together: -1..1."""
    earlier, later = labels[: len(labels) - lag], labels[lag:]
    both = (earlier != UNLABELLED) & (later != UNLABELLED)
    earlier, later = earlier[both], later[both]
    if not len(earlier):
        return 0.0
    classes = range(int(max(earlier.max(), later.max())) + 1)
    one, two = (np.array([(part == name).mean() for name in classes]) for part in (earlier, later))
    spread = np.sqrt((one * (1 - one)).sum() * (two * (1 - two)).sum())
    return float(((earlier == later).mean() - (one * two).sum()) / spread) if spread else 0.0


def _walk_labels(settings: LabelSettings, sources: Sequence[LabelSource], seed: int) -> list[Labels]:
    walks = [
        LabelSource(one.key, mirrored_walk(one.candles, seed * len(sources) + index), one.train, one.costs)
        for index, one in enumerate(sources)
    ]
    fitted = fit_labels(settings, walks)
    return [fitted.compute(one.key, one.candles, one.costs) for one in walks]


def _baselines(labels: LabelArray, train: NDArray[np.bool_], horizon: int) -> tuple[float, float]:
    """Accuracy of the majority class and of persistence where the label is known; an unknown newest one is wrong."""
    known = labels != UNLABELLED
    learned = labels[train & known]
    majority = np.bincount(learned).argmax() if len(learned) else 0
    if not known.any():
        return 0.0, 0.0
    repeated = newest_resolved(labels, horizon)
    return float((labels[known] == majority).mean()), float((labels == repeated)[known].mean())


def _thresholds_of(key: str, thresholds: Mapping[str, float], keys: Sequence[str]) -> dict[str, float]:
    own = f"{key}."
    others = tuple(f"{one}." for one in keys if one != key)
    return {name.removeprefix(own): value for name, value in thresholds.items() if not name.startswith(others)}
