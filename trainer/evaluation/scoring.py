"""The figures of a new bundle's manifest, each beside what needs no model: the majority class and persistence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from inference_worker.bundle import HEADS
from inference_worker.records import MetricRecord
from trainer.chunks import LabelledSeries
from trainer.evaluation.figures import Floats, measure
from trainer.evaluation.naive import majority, persistence
from trainer.evaluation.predictions import ALL, Labels
from trainer.labels.heads import UNLABELLED
from trainer.model import Natron
from trainer.supervised import predict


@dataclass(frozen=True)
class _Scored:
    """Labelled test candles of one head and series, M of N."""

    labels: Labels  # (M,)
    model: Floats  # (M, classes) probabilities
    majority: Floats
    persistence: Floats


def score_test(
    model: Natron, series: Sequence[LabelledSeries], horizons: Mapping[str, int]
) -> tuple[MetricRecord, ...]:
    """Measure every head on each series' test split and, where there are several, on all together.

    The majority class is that of the training split of the same series. Persistence repeats the label that is known at
    the candle's close.
    """
    scored: dict[str, dict[str, _Scored]] = {}
    for one in series:
        logits = predict(model, one, one.splits.test)
        scored[one.key] = {head: _score(one, head, logits[head], horizons[head]) for head in HEADS}
    if len(scored) > 1:
        scored[ALL] = {head: _pooled([found[head] for found in scored.values()]) for head in HEADS}
    return tuple(_record(key, head, found[head]) for key, found in scored.items() for head in HEADS)


def _score(one: LabelledSeries, head: str, logits: Floats, horizon: int) -> _Scored:
    span = one.splits.test
    labels = one.labels[head][span.start : span.stop]
    known = labels != UNLABELLED
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return _Scored(
        labels=labels[known],
        model=(shares / shares.sum(1, keepdims=True))[known],
        majority=majority(one, head, span)[known].astype(np.float64),
        persistence=persistence(one, head, horizon, span)[known].astype(np.float64),
    )


def _pooled(parts: Sequence[_Scored]) -> _Scored:
    names = ("labels", "model", "majority", "persistence")
    return _Scored(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _record(key: str, head: str, found: _Scored) -> MetricRecord:
    figures = measure(found.labels, found.model, found.majority).as_dict()
    return MetricRecord(
        series=key,
        head=head,
        candles=len(found.labels),
        majority=float((found.majority.argmax(1) == found.labels).mean()),
        persistence=float((found.persistence.argmax(1) == found.labels).mean()),
        **{name: value if isfinite(value) else None for name, value in figures.items()},
    )
