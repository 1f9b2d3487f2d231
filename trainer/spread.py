"""How the rows of a lesson spread: what is usual of them, and what drift is measured against."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from inference_worker.records import BoundsRecord, HistogramsRecord, Tensor
from shared.contracts import Rows
from trainer.chunks import LabelledSeries

LOW, HIGH = 0.001, 0.999  # of the training rows: outside is unusual
USUAL = 0.999  # of the validation rows have no more features outside than the bound of extremes
DECILES = np.arange(1, 10) / 10


def fit_bounds(series: Sequence[LabelledSeries]) -> BoundsRecord:
    """Bounds of each feature on the training splits; how many outside are usual, on the validation splits."""
    train = [one.rows[one.splits.train.start : one.splits.train.stop] for one in series]
    edges = np.stack([np.quantile(column, [LOW, HIGH]) for column in _columns(train)])
    low, high = edges.T.astype(np.float32)
    spans = [one.splits.validation for one in series]
    outside = [_outside(one.rows[span.start : span.stop], low, high) for one, span in zip(series, spans, strict=True)]
    extremes = int(np.quantile(np.concatenate(outside), USUAL, method="higher"))
    return BoundsRecord(low=tuple(low.tolist()), high=tuple(high.tolist()), extremes=extremes)


def fit_histograms(series: Sequence[LabelledSeries]) -> HistogramsRecord:
    """Deciles of each feature on the training splits, and the share of the rows in each bin between them."""
    train = [one.rows[one.splits.train.start : one.splits.train.stop] for one in series]
    edges, shares = [], []
    for column in _columns(train):
        found = np.quantile(column, DECILES).astype(np.float32)
        counts = np.bincount(np.searchsorted(found, column, side="right"), minlength=len(DECILES) + 1)
        edges.append(found)
        shares.append(counts / len(column))
    return HistogramsRecord(edges=Tensor.of(np.stack(edges)), shares=Tensor.of(np.stack(shares).astype(np.float32)))


def _columns(parts: Sequence[Rows]) -> Iterator[NDArray[np.float32]]:
    """One feature at a time, so that the matrix is never copied whole."""
    for feature in range(parts[0].shape[1]):
        yield np.concatenate([part[:, feature] for part in parts])


def _outside(rows: Rows, low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.int64]:
    """(N,) features of each row that are outside."""
    counts: NDArray[np.int64] = ((rows < low) | (rows > high)).sum(1)
    return counts
