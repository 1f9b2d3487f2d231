"""From the tidy table to figures: every one beside majority, persistence and a market without a signal.

``Row`` cannot be made without them, so no report can show a figure alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from inference_worker.bundle import HEADS
from shared.contracts import Series
from trainer.evaluation.bootstrap import Resamples, auc_influence
from trainer.evaluation.figures import METRICS, Figures, Floats, area_under_roc, confusion, log_losses, measure
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

COMPARED = ("accuracy", "log_loss", "auc")
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
        scored = {name: _scores(cell, name) for name in ESTIMATORS}
        compared = [(baseline, index) for baseline in BASELINES for index in range(len(COMPARED))]
        values = np.stack([scored[MODEL][index] - scored[name][index] for name, index in compared], axis=1)
        offsets = [_area(cell, MODEL) - _area(cell, name) if COMPARED[at] == "auc" else 0.0 for name, at in compared]
        for (baseline, index), one, offset in zip(compared, draws.of_means(values), offsets, strict=True):
            value, low, high = (bound + offset for bound in (one.value, one.low, one.high))
            found.append(Difference(fold, series, head, baseline, COMPARED[index], value, low, high))
    return found


def _scores(cell: Cell, estimator: str) -> tuple[Floats, Floats, Floats]:
    """(N,) each of ``COMPARED``: a candle's part in the figure, mean over the seeds."""
    seeds = cell.probabilities[estimator]
    right = np.mean([one.argmax(1) == cell.labels for one in seeds], axis=0)
    losses = np.mean([log_losses(cell.labels, one) for one in seeds], axis=0)
    influence = np.mean([_influence(cell.labels, one) for one in seeds], axis=0)
    return right, losses, influence


def _influence(labels: Labels, probabilities: Floats) -> Floats:
    """(N,) of the one-against-the-rest AUC, mean over the classes that it is made of; 0 without any."""
    asked = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    found = [auc_influence(labels == index, probabilities[:, index]) for index in asked]
    known = [one for one in found if not np.isnan(one).any()]
    return np.mean(known, axis=0) if known else np.zeros(len(labels))


def _area(cell: Cell, estimator: str) -> float:
    return float(np.mean([area_under_roc(cell.labels, one) for one in cell.probabilities[estimator]]))
