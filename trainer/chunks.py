"""Long chunks of series with a target at every candle: what training reads instead of separate windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference_worker.bundle import HEADS
from shared.contracts import WINDOW, Candles, Rows
from trainer.labels.heads import UNLABELLED, Labels
from trainer.mirroring import Mirror
from trainer.perturbation import Perturbation
from trainer.present import Present, present_values
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
    perturbation: Perturbation = field(default_factory=Perturbation)  # of training batches, and of no others
    mirror: Mirror | None = None  # read in place of a share of the training chunks

    @cached_property
    def present(self) -> Present:
        """(N, SIZE) values of ``present_values``, computed when first asked for."""
        return present_values(self.candles)


@dataclass(frozen=True)
class Batch:
    """B chunks of one length."""

    rows: Tensor  # (B, T, F) float32
    labels: dict[str, Tensor]  # head -> (B, T) int64, UNLABELLED where the loss must not look
    present: Tensor | None = None  # (B, T, SIZE), NaN where the loss must not look; None: not asked for


@dataclass(frozen=True)
class _Chunk:
    series: LabelledSeries
    start: int  # first target
    span: Span  # targets outside are not learned from
    mirror: Mirror | None = None  # read instead of the series itself


def training_batches(
    series: Sequence[LabelledSeries],
    length: int,
    per_batch: int,
    generator: np.random.Generator,
    present: bool = False,
) -> Iterator[Batch]:
    """Yield every training target once, in chunks of ``length`` rows whose borders differ each time.

    ``present`` asks for the present values too.
    """
    stride = length - CONTEXT
    chunks = []
    for one in series:
        span = one.splits.train
        first = span.start - int(generator.integers(stride))
        chunks += [_Chunk(one, start, span, _drawn(one, generator)) for start in range(first, span.stop, stride)]
    order = generator.permutation(len(chunks))
    for at in range(0, len(order), per_batch):
        yield _batch([chunks[index] for index in order[at : at + per_batch]], length, generator, present)


def _drawn(series: LabelledSeries, generator: np.random.Generator) -> Mirror | None:
    share = series.perturbation.settings.mirror
    return series.mirror if series.mirror is not None and generator.random() < share else None


def span_batches(series: LabelledSeries, span: Span, length: int) -> Iterator[tuple[int, Batch]]:
    """Yield (first target, batch of one chunk) over a span in order."""
    for start in range(span.start, span.stop, length - CONTEXT):
        yield start, _batch([_Chunk(series, start, span)], length)


def _batch(
    chunks: Sequence[_Chunk], length: int, perturbed: np.random.Generator | None = None, present: bool = False
) -> Batch:
    values: list[Present] = []
    rows, labels = [], {head: [] for head in HEADS}  # type: tuple[list[Rows], dict[str, list[np.ndarray]]]
    for chunk in chunks:
        series, content = chunk.series, chunk.mirror or chunk.series
        at = chunk.start - CONTEXT + np.arange(length)
        inside = (at >= max(chunk.start, chunk.span.start)) & (at < chunk.span.stop)
        # Rows before the series and after the span are repeated ones: nothing that is learned from can see them, and
        # those of another split are not even read.
        at = at.clip(0, chunk.span.stop - 1)
        seen = content.rows[at]
        rows.append(seen if perturbed is None else series.perturbation.rows(seen, perturbed))
        if present:
            values.append(np.where(inside[:, None], content.present[at], np.float32(np.nan)))
        for head, known in content.labels.items():
            learned = np.where(inside, known[at], UNLABELLED)
            labels[head].append(learned if perturbed is None else series.perturbation.labels(head, learned, perturbed))
    return Batch(
        torch.from_numpy(np.stack(rows)),
        {head: torch.from_numpy(np.stack(parts)).long() for head, parts in labels.items()},
        torch.from_numpy(np.stack(values)) if present else None,
    )
