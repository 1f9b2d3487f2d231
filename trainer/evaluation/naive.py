"""Baselines that look at labels only: the class frequencies and the newest resolved label."""

import numpy as np
from numpy.typing import NDArray

from inference_worker.bundle import HEADS
from trainer.chunks import LabelledSeries
from trainer.evaluation.predictions import Probabilities
from trainer.labels.heads import UNLABELLED, newest_resolved
from trainer.splits import Span

Floats = NDArray[np.float64]
AHEAD = 1e-3  # by which the newest label leads where another class is likelier after it


def majority(series: LabelledSeries, head: str, span: Span) -> Probabilities:
    """(len(span), classes) class frequencies of the series' training split."""
    return np.tile(_frequencies(series, head).astype(np.float32), (len(span), 1))


def persistence(series: LabelledSeries, head: str, horizon: int, span: Span) -> Probabilities:
    """(len(span), classes) how often each class followed the newest resolved one in the training split.

    The class it names is always the newest one: where another was likelier, the newest is put just ahead of it. Before
    any label is resolved it is ``majority``.
    """
    newest = newest_resolved(series.labels[head], horizon)
    follow = _transitions(series, head, newest)
    at = newest[span.start : span.stop]
    found = np.where((at == UNLABELLED)[:, None], _frequencies(series, head), follow[at])
    return found.astype(np.float32)


def _frequencies(series: LabelledSeries, head: str) -> Floats:
    learned = series.labels[head][series.splits.train.start : series.splits.train.stop]
    counts = np.bincount(learned[learned != UNLABELLED], minlength=len(HEADS[head])) + 1.0
    shares: Floats = counts / counts.sum()
    return shares


def _transitions(series: LabelledSeries, head: str, newest: NDArray[np.int8]) -> Floats:
    """(classes, classes) share of each class after each newest one, the newest one leading."""
    classes, train = len(HEADS[head]), series.splits.train
    before, after = newest[train.start : train.stop], series.labels[head][train.start : train.stop]
    both = (before != UNLABELLED) & (after != UNLABELLED)
    counts = np.ones((classes, classes))
    np.add.at(counts, (before[both], after[both]), 1.0)
    shares: Floats = counts / counts.sum(1, keepdims=True)
    for own in range(classes):
        lead = shares[own].max() - shares[own, own]
        if shares[own].argmax() != own:
            weight = (lead + AHEAD) / (1 + lead)  # of certainty: p[own] comes out AHEAD of the likeliest
            shares[own] *= 1 - weight
            shares[own, own] += weight
    return shares
