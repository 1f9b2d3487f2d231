"""Supervised training: every head at once, on long chunks; the best epoch by validation log-loss is kept."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Tensor, nn

from inference_worker.bundle import HEADS
from shared.settings.learning import SupervisedSettings
from trainer.chunks import CONTEXT, Batch, LabelledSeries, span_batches, training_batches
from trainer.epochs import Run, Task, run_epochs
from trainer.labels.heads import UNLABELLED
from trainer.machine import ALONE, Machine
from trainer.model import Natron
from trainer.present import Taught, present_loss
from trainer.run_folder import EpochReport as EpochReport  # noqa: PLC0414 - what a phase reports is named here too
from trainer.splits import Span

SCORING_LENGTH = 4096  # rows a call when nothing is learned: long, as only the context is read twice


def fit_supervised(
    model: Natron, series: Sequence[LabelledSeries], settings: SupervisedSettings, run: Run, name: str = "supervised"
) -> tuple[EpochReport, ...]:
    """Train ``model`` in place and leave it at its best epoch; ``name`` is of its checkpoint."""
    balance = class_weights(series, settings.balance)
    weights = settings.weights.model_dump()

    def loss(learner: nn.Module, part: Batch, whole: Batch) -> Tensor:
        with run.machine.autocast():
            answer, read = learner(part.rows)
        norms = {head: _norm(labels, balance[head]) for head, labels in whole.labels.items()}
        found = multi_task_loss(
            answer.logits, part.labels, settings.label_smoothing, weights=weights, balance=balance, norms=norms
        )
        if part.present is not None and whole.present is not None:
            found = found + settings.present * present_loss(read, part.present, whole.present)
        return run.machine.world * found

    def batches(generator: np.random.Generator) -> Iterator[Batch]:
        return training_batches(
            series, settings.chunk_rows, settings.batch_chunks, generator, present=settings.present > 0
        )

    task = Task(
        name=name,
        phase="supervised",
        module=Taught(model, settings.present > 0),
        epochs=settings.epochs,
        patience=settings.patience,
        average=settings.ema,
        batches=batches,
        steps=steps_per_epoch(series, settings),
        loss=loss,
        score=lambda: validation_log_loss(model, series, run.machine),
    )
    return run_epochs(task, run)


def steps_per_epoch(series: Sequence[LabelledSeries], settings: SupervisedSettings) -> int:
    """Count the steps of an epoch, to within those that the moving borders of chunks add or take."""
    stride = settings.chunk_rows - CONTEXT
    chunks = sum(math.ceil((len(one.splits.train) + stride / 2) / stride) for one in series)
    return math.ceil(chunks / settings.batch_chunks)


def class_weights(series: Sequence[LabelledSeries], balance: float) -> dict[str, Tensor]:
    """Head -> (classes,) weights share ** -balance, whose mean over the training labels is 1."""
    found = {}
    for head, classes in HEADS.items():
        counts = np.zeros(len(classes))
        for one in series:
            labels = one.labels[head][one.splits.train.start : one.splits.train.stop]
            counts += np.bincount(labels[labels != UNLABELLED], minlength=len(classes))
        shares = np.maximum(counts, 1) / max(counts.sum(), 1)
        weights = shares**-balance
        found[head] = torch.from_numpy(weights / (shares * weights).sum()).float()
    return found


def _norm(labels: Tensor, balance: Tensor) -> Tensor:
    """Weight of all labelled candles of a batch, at least a little."""
    known = labels[labels != UNLABELLED]
    return balance[known].sum().clamp(min=1e-6)


def multi_task_loss(
    logits: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
    smoothing: float,
    weights: Mapping[str, float] | None = None,
    balance: Mapping[str, Tensor] | None = None,
    norms: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Weighted mean over the heads of the smoothed cross-entropy at labelled candles.

    Parameters
    ----------
    weights
        Of each head; None: all equal.
    balance
        Head -> (classes,) weights of its classes; None: all equal.
    norms
        Head -> what the sum over its candles is divided by; None: how much they weigh. A part of a batch is given
        the whole batch's, so that the parts' losses add up.
    """
    total, whole = torch.zeros(()), 0.0
    for head, classes in class_logits(logits).items():
        target, weight = labels[head].flatten(), 1.0 if weights is None else weights[head]
        even = torch.ones(len(HEADS[head])) if balance is None else balance[head]
        norm = _norm(target.cpu(), even) if norms is None else norms[head]
        found = nnf.cross_entropy(
            classes.flatten(0, 1).float(),
            target,
            weight=None if balance is None else even.to(target.device),
            ignore_index=UNLABELLED,
            label_smoothing=smoothing,
            reduction="sum",
        )
        total = total.to(found.device) + weight * found / norm.to(found.device)
        whole += weight
    return total / max(whole, 1e-6)


def class_logits(logits: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Head -> (B, T, classes); a binary head's log-odds become the second class's logit."""
    return {
        head: torch.stack([torch.zeros_like(part), part], -1) if len(HEADS[head]) == 2 else part
        for head, part in logits.items()
    }


def predict(model: Natron, series: LabelledSeries, span: Span) -> dict[str, NDArray[np.float64]]:
    """Head -> (len(span), classes) logits at each candle of a span."""
    model.eval()
    device = model.centre.device
    parts: dict[str, list[Tensor]] = {head: [] for head in HEADS}
    with torch.no_grad():
        for start, batch in span_batches(series, span, SCORING_LENGTH):
            count = min(SCORING_LENGTH - CONTEXT, span.stop - start)
            for head, classes in class_logits(model(batch.rows.to(device)).logits).items():
                parts[head].append(classes[0, CONTEXT : CONTEXT + count])
    return {head: torch.cat(found).double().cpu().numpy() for head, found in parts.items()}


def validation_log_loss(model: Natron, series: Sequence[LabelledSeries], machine: Machine = ALONE) -> float:
    """Mean over the heads of the mean log-loss at labelled candles of the validation splits, nats.

    Every process scores its share of the series; all get the same sum.
    """
    found = torch.zeros(2, len(HEADS), dtype=torch.float64)  # sums and counts
    for one in series[machine.rank :: machine.world]:
        span = one.splits.validation
        for index, (head, logits) in enumerate(predict(model, one, span).items()):
            losses = log_losses(logits, one.labels[head][span.start : span.stop])
            found[0, index] += float(losses.sum())
            found[1, index] += len(losses)
    total, count = machine.sum(found)
    return float((total / count.clamp(min=1)).mean())


def log_losses(logits: NDArray[np.float64], labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """(M,) log-loss at each of the M labelled of N candles, nats; logits (N, classes)."""
    known = labels != UNLABELLED
    logits, labels = logits[known], labels[known]
    shifted = logits - logits.max(1, keepdims=True)
    losses: NDArray[np.float64] = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]
    return losses
