"""From the tidy table to figures: every one beside majority, persistence and a market without a signal.

``Row`` cannot be made without them, so no report can show a figure alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from inference_worker.bundle import HEADS
from shared.contracts import Series
from trainer.evaluation.bootstrap import Interval, RankedScores, Resamples, interval
from trainer.evaluation.figures import METRICS, Figures, Floats, confusion, log_losses, measure
from trainer.evaluation.predictions import (
    ALL,
    BASELINES,
    ESTIMATORS,
    LIGHTGBM,
    LOGISTIC,
    MAJORITY,
    MODEL,
    PERSISTENCE,
    Labels,
    probabilities_of,
)

TEST, WALK = 0, -1  # folds: the test split, the mirrored walks; walk-forward's are 1 and up


@dataclass(frozen=True)
class Summary:
    """One estimator's figures over the seeds it was fitted with."""

    seeds: int
    mean: Figures
    std: Figures  # over the seeds, 0 for one
    confusion: list[list[int]]  # of the first seed


@dataclass(frozen=True)
class Row:
    """One head on one series (or ``all``) and fold: the model's figures and what they must be read beside."""

    fold: int
    series: str
    head: str
    candles: int
    model: Summary
    majority: Summary
    persistence: Summary
    logistic: Summary
    lightgbm: Summary
    walk: Summary  # LightGBM, fitted and scored on mirrored walks: what no knowledge of the market gives
    walk_persistence: Summary
    walk_model: Summary  # the model on these walks

    @property
    def summaries(self) -> dict[str, Summary]:
        """Name -> summary of everything in the row."""
        return {name: found for name, found in vars(self).items() if isinstance(found, Summary)}


@dataclass(frozen=True)
class Difference:
    """The model's figure minus a baseline's on the same candles, with its bootstrap interval."""

    fold: int
    series: str
    head: str
    baseline: str
    metric: str  # accuracy, log_loss or auc
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Cell:
    """The rows of one fold, head and series (or all of them): labels once, probabilities a seed."""

    labels: Labels  # (N,)
    lengths: tuple[int, ...]  # candles of each series in it
    probabilities: Mapping[str, Sequence[Floats]]  # estimator -> one (N, classes) a distinct seed


def cells(table: pd.DataFrame) -> Iterator[tuple[tuple[int, str, str], Cell]]:
    """((fold, series, head), cell) of every series and, where there are several, of all together."""
    for fold, head in sorted(set(zip(table["fold"].tolist(), table["head"].tolist(), strict=True))):
        part = table[(table["fold"] == fold) & (table["head"] == head)]
        groups = list(part.groupby(["symbol", "timeframe"], observed=True, sort=True))
        for (symbol, timeframe), rows in groups:
            yield (fold, Series(str(symbol), str(timeframe)).key, head), _cell(rows, head)
        if len(groups) > 1:
            yield (fold, ALL, head), _cell(part, head)


def _cell(rows: pd.DataFrame, head: str) -> Cell:
    by_seed = [found.sort_values(["symbol", "timeframe", "t"]) for _, found in rows.groupby("seed", sort=True)]
    first = by_seed[0]
    lengths = first.groupby(["symbol", "timeframe"], observed=True, sort=True).size()
    classes = len(HEADS[head])
    found = {name: [probabilities_of(one, name, classes) for one in by_seed] for name in ESTIMATORS}
    return Cell(first["label"].to_numpy(), tuple(lengths), {name: _distinct(all_) for name, all_ in found.items()})


def _distinct(seeds: Sequence[Floats]) -> Sequence[Floats]:
    """One where all seeds gave the same: there is no spread to show."""
    return seeds if any(not np.array_equal(seeds[0], other) for other in seeds[1:]) else seeds[:1]


def summarise(cell: Cell, estimator: str) -> Summary:
    """Figures of one estimator over its seeds."""
    frequencies = cell.probabilities[MAJORITY][0]
    found = [measure(cell.labels, one, frequencies) for one in cell.probabilities[estimator]]
    values = {name: np.array([getattr(one, name) for one in found]) for name in METRICS}
    return Summary(
        seeds=len(found),
        mean=Figures(**{name: float(all_.mean()) for name, all_ in values.items()}),
        std=Figures(**{name: float(all_.std(ddof=1)) if len(all_) > 1 else 0.0 for name, all_ in values.items()}),
        confusion=confusion(cell.labels, cell.probabilities[estimator][0]),
    )


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Every row of the report; needs the walks (fold -1) in the table."""
    summaries = {
        key: (len(cell.labels), {name: summarise(cell, name) for name in ESTIMATORS}) for key, cell in cells(table)
    }
    rows = []
    for (fold, series, head), (candles, found) in summaries.items():
        if fold == WALK:
            continue
        walk = summaries[WALK, series, head][1]
        rows.append(
            Row(
                fold=fold,
                series=series,
                head=head,
                candles=candles,
                model=found[MODEL],
                majority=found[MAJORITY],
                persistence=found[PERSISTENCE],
                logistic=found[LOGISTIC],
                lightgbm=found[LIGHTGBM],
                walk=walk[LIGHTGBM],
                walk_persistence=walk[PERSISTENCE],
                walk_model=walk[MODEL],
            )
        )
    order = list(HEADS)
    return sorted(rows, key=lambda row: (row.fold, order.index(row.head), row.series == ALL, row.series))


def differences_of(table: pd.DataFrame, block: int, resamples: int) -> list[Difference]:
    """The model against every baseline on the test split, per series and together."""
    found: list[Difference] = []
    for (fold, series, head), cell in cells(table[table["fold"] == TEST]):
        draws = Resamples(cell.lengths, block, resamples)
        areas = {name: _areas(cell, name, draws) for name in ESTIMATORS}
        for baseline in BASELINES:
            compared = {
                "accuracy": draws.of_mean(_right(cell, MODEL) - _right(cell, baseline)),
                "log_loss": draws.of_mean(_losses(cell, MODEL) - _losses(cell, baseline)),
                "auc": _less(areas[MODEL], areas[baseline]),
            }
            found += [
                Difference(fold, series, head, baseline, metric, **asdict(one)) for metric, one in compared.items()
            ]
    return found


def _right(cell: Cell, estimator: str) -> Floats:
    """(N,) share of the seeds that named the class."""
    found: Floats = np.mean([one.argmax(1) == cell.labels for one in cell.probabilities[estimator]], axis=0)
    return found


def _losses(cell: Cell, estimator: str) -> Floats:
    found: Floats = np.mean([log_losses(cell.labels, one) for one in cell.probabilities[estimator]], axis=0)
    return found


def _areas(cell: Cell, estimator: str, draws: Resamples) -> tuple[float, list[float]]:
    """AUC as it is and in every draw, means over seeds and classes."""
    ranked = [
        RankedScores(cell.labels == index, one[:, index])
        for one in cell.probabilities[estimator]
        for index in _asked(one.shape[1])
    ]
    whole = np.ones(len(cell.labels))
    return _mean_area(ranked, whole), [_mean_area(ranked, weights) for weights in draws.weights()]


def _asked(classes: int) -> Sequence[int]:
    """Of two classes the areas are one and the same."""
    return [1] if classes == 2 else range(classes)


def _mean_area(ranked: Sequence[RankedScores], weights: Floats) -> float:
    found = [area for area in (one.area(weights) for one in ranked) if not np.isnan(area)]
    return float(np.mean(found)) if found else float("nan")


def _less(ours: tuple[float, list[float]], theirs: tuple[float, list[float]]) -> Interval:
    return interval(ours[0] - theirs[0], [one - other for one, other in zip(ours[1], theirs[1], strict=True)])
