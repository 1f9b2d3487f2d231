"""Figures of the test split, each beside what needs no model: the majority class and persistence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_worker.bundle import HEADS, MetricRecord
from trainer.chunks import LabelledSeries
from trainer.labels.heads import UNLABELLED, newest_resolved
from trainer.model import Natron
from trainer.supervised import log_losses, predict

ALL = "all"


@dataclass(frozen=True)
class _Scored:
    """Labelled test candles of one head and series, M of N."""

    right: NDArray[np.bool_]  # (M,) the model named the class
    usual: NDArray[np.bool_]  # (M,) it is the training split's commonest class
    repeated: NDArray[np.bool_]  # (M,) it is the newest resolved label
    losses: NDArray[np.float64]  # (M,) nats


def score_test(
    model: Natron, series: Sequence[LabelledSeries], horizons: Mapping[str, int]
) -> tuple[MetricRecord, ...]:
    """Measure every head on each series' test split and, where there are several, on all together.

    The majority class is that of the training split of the same series. Persistence repeats the label that is
    known at the candle's close; where that is unknown it is wrong.
    """
    scored: dict[str, dict[str, _Scored]] = {}
    for one in series:
        span = one.splits.test
        logits = predict(model, one, span)
        scored[one.key] = {head: _score(one, head, logits[head], horizons[head]) for head in HEADS}
    if len(scored) > 1:
        scored[ALL] = {head: _pooled([found[head] for found in scored.values()]) for head in HEADS}
    return tuple(_record(key, head, found[head]) for key, found in scored.items() for head in HEADS)


def _score(one: LabelledSeries, head: str, logits: NDArray[np.float64], horizon: int) -> _Scored:
    labels, span, train = one.labels[head], one.splits.test, one.splits.train
    learned = labels[train.start : train.stop]
    majority = np.bincount(learned[learned != UNLABELLED], minlength=len(HEADS[head])).argmax()
    true = labels[span.start : span.stop]
    known = true != UNLABELLED
    repeated = newest_resolved(labels, horizon)[span.start : span.stop]
    return _Scored(
        right=(logits.argmax(1) == true)[known],
        usual=(true == majority)[known],
        repeated=(true == repeated)[known],
        losses=log_losses(logits, true),
    )


def _pooled(parts: Sequence[_Scored]) -> _Scored:
    return _Scored(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("right", "usual", "repeated", "losses"))
    )


def _record(key: str, head: str, found: _Scored) -> MetricRecord:
    return MetricRecord(
        series=key,
        head=head,
        candles=len(found.right),
        accuracy=float(found.right.mean()),
        majority=float(found.usual.mean()),
        persistence=float(found.repeated.mean()),
        log_loss=float(found.losses.mean()),
    )
