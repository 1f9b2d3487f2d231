"""Long chunks of series with a target at every candle: what training reads instead of separate windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference_worker.bundle import HEADS
from shared.contracts import WINDOW, Candles, Rows
from trainer.labels.heads import UNLABELLED, Labels
from trainer.splits import Span, Splits

CONTEXT = WINDOW - 1  # rows before a chunk's first target, so that it sees its whole window


@dataclass(frozen=True)
class LabelledSeries:
    """One series, ready to learn from."""

    key: str
    rows: Rows  # (N, F)
    labels: Labels  # head -> (N,)
    splits: Splits
    candles: Candles  # (N,)
    costs: NDArray[np.float64]  # (N,) of a round trip begun at each candle, a share of the price


@dataclass(frozen=True)
class Batch:
    """B chunks of one length."""

    rows: Tensor  # (B, T, F) float32
    labels: dict[str, Tensor]  # head -> (B, T) int64, UNLABELLED where the loss must not look


@dataclass(frozen=True)
class _Chunk:
    series: LabelledSeries
    start: int  # first target
    span: Span  # targets outside are not learned from


def training_batches(
    series: Sequence[LabelledSeries], length: int, per_batch: int, generator: np.random.Generator
) -> Iterator[Batch]:
    """Yield every training target once, in chunks of ``length`` rows whose borders differ each time."""
    stride = length - CONTEXT
    chunks = []
    for one in series:
        span = one.splits.train
        first = span.start - int(generator.integers(stride))
        chunks += [_Chunk(one, start, span) for start in range(first, span.stop, stride)]
    order = generator.permutation(len(chunks))
    for at in range(0, len(order), per_batch):
        yield _batch([chunks[index] for index in order[at : at + per_batch]], length)


def span_batches(series: LabelledSeries, span: Span, length: int) -> Iterator[tuple[int, Batch]]:
    """Yield (first target, batch of one chunk) over a span in order."""
    for start in range(span.start, span.stop, length - CONTEXT):
        yield start, _batch([_Chunk(series, start, span)], length)


def _batch(chunks: Sequence[_Chunk], length: int) -> Batch:
    rows, labels = [], {head: [] for head in HEADS}  # type: tuple[list[Rows], dict[str, list[np.ndarray]]]
    for chunk in chunks:
        at = chunk.start - CONTEXT + np.arange(length)
        inside = (at >= max(chunk.start, chunk.span.start)) & (at < chunk.span.stop)
        # Rows beyond the series' ends are repeated ones: nothing that is learned from can see them.
        at = at.clip(0, len(chunk.series.rows) - 1)
        rows.append(chunk.series.rows[at])
        for head, values in chunk.series.labels.items():
            labels[head].append(np.where(inside, values[at], UNLABELLED))
    return Batch(
        torch.from_numpy(np.stack(rows)),
        {head: torch.from_numpy(np.stack(parts)).long() for head, parts in labels.items()},
    )
