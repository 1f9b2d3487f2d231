"""Rows and labels of a lesson as tables for learners that know no sequence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contracts import Rows
from trainer.chunks import LabelledSeries
from trainer.labels.heads import UNLABELLED, Labels
from trainer.splits import Span

LAGS = 5  # rows before the last one that the wider table holds too


@dataclass(frozen=True)
class Sample:
    """M candles as independent examples."""

    rows: Rows  # (M, F), or (M, 6 F) with lags: the newest first
    labels: Labels  # head -> (M,), every one known


def draw(series: Sequence[LabelledSeries], part: str, lags: int, count: int, seed: int) -> Sample:
    """Take at most ``count`` candles of one split (``train`` or ``validation``), spread evenly over all series.

    The seed shifts which ones. Candles without a label of every head are left out, so that one table serves all heads.
    """
    spans: list[Span] = [getattr(one.splits, part) for one in series]
    total = sum(map(len, spans))
    step = max(1, -(-total // count))
    offset = seed % step
    kept = [
        _known(one, np.arange(span.start + offset, span.stop, step)) for one, span in zip(series, spans, strict=True)
    ]
    rows = np.concatenate([lagged(one.rows, at, lags) for one, at in zip(series, kept, strict=True)])
    labels = {
        head: np.concatenate([one.labels[head][at] for one, at in zip(series, kept, strict=True)])
        for head in series[0].labels
    }
    return Sample(rows, labels)


def lagged(rows: Rows, at: NDArray[np.int64], lags: int) -> Rows:
    """(len(at), (1 + lags) F) rows at and before each index; before the first row it is repeated."""
    return np.concatenate([rows[(at - lag).clip(0)] for lag in range(lags + 1)], axis=1)


def _known(series: LabelledSeries, at: NDArray[np.int64]) -> NDArray[np.int64]:
    known = np.logical_and.reduce([labels[at] != UNLABELLED for labels in series.labels.values()])
    kept: NDArray[np.int64] = at[known]
    return kept
