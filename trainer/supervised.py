"""Supervised training: every head at once, on long chunks; the best epoch by validation log-loss is kept."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Tensor

from inference_worker.bundle import HEADS
from shared.settings.groups import OptimizationSettings, SupervisedSettings
from trainer.chunks import CONTEXT, LabelledSeries, span_batches, training_batches
from trainer.labels.heads import UNLABELLED
from trainer.model import Natron
from trainer.splits import Span

SCORING_LENGTH = 4096  # rows a call when nothing is learned: long, as only the context is read twice


@dataclass(frozen=True)
class EpochReport:
    """What one epoch gave. Log-losses are means over the heads, in nats."""

    epoch: int  # from 1
    epochs: int
    training_loss: float
    validation_log_loss: float
    best: bool


def fit_supervised(
    model: Natron,
    series: Sequence[LabelledSeries],
    settings: SupervisedSettings,
    optimization: OptimizationSettings,
    generator: np.random.Generator,
    report: Callable[[EpochReport], None],
) -> EpochReport:
    """Train ``model`` in place and leave it at its best epoch, whose report is returned."""
    optimizer = _optimizer(model, optimization)
    targets = sum(len(one.splits.train) for one in series)
    per_step = settings.batch_chunks * (settings.chunk_rows - CONTEXT)
    schedule = _schedule(optimizer, optimization, settings.epochs * (targets // per_step + 1))
    best, kept = None, {}
    for epoch in range(1, settings.epochs + 1):
        model.train()
        losses = []
        for batch in training_batches(series, settings.chunk_rows, settings.batch_chunks, generator):
            loss = multi_task_loss(model(batch.rows).logits, batch.labels, settings.label_smoothing)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), optimization.clip_norm)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        found = validation_log_loss(model, series)
        better = best is None or found < best.validation_log_loss
        done = EpochReport(epoch, settings.epochs, float(np.mean(losses)), found, better)
        report(done)
        if best is None or better:
            best, kept = done, {name: value.clone() for name, value in model.state_dict().items()}
        elif epoch - best.epoch >= settings.patience:
            break
    assert best is not None
    model.load_state_dict(kept)
    return best


def multi_task_loss(logits: Mapping[str, Tensor], labels: Mapping[str, Tensor], smoothing: float) -> Tensor:
    """Mean over the heads of the smoothed cross-entropy at labelled candles; a head without any counts 0."""
    losses = []
    for head, classes in class_logits(logits).items():
        target = labels[head].flatten()
        total = nnf.cross_entropy(
            classes.flatten(0, 1), target, ignore_index=UNLABELLED, label_smoothing=smoothing, reduction="sum"
        )
        losses.append(total / (target != UNLABELLED).sum().clamp(min=1))
    return torch.stack(losses).mean()


def class_logits(logits: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Head -> (B, T, classes); a binary head's log-odds become the second class's logit."""
    return {
        head: torch.stack([torch.zeros_like(part), part], -1) if len(HEADS[head]) == 2 else part
        for head, part in logits.items()
    }


def predict(model: Natron, series: LabelledSeries, span: Span) -> dict[str, NDArray[np.float64]]:
    """Head -> (len(span), classes) logits at each candle of a span."""
    model.eval()
    parts: dict[str, list[Tensor]] = {head: [] for head in HEADS}
    with torch.no_grad():
        for start, batch in span_batches(series, span, SCORING_LENGTH):
            count = min(SCORING_LENGTH - CONTEXT, span.stop - start)
            for head, classes in class_logits(model(batch.rows).logits).items():
                parts[head].append(classes[0, CONTEXT : CONTEXT + count])
    return {head: torch.cat(found).double().numpy() for head, found in parts.items()}


def validation_log_loss(model: Natron, series: Sequence[LabelledSeries]) -> float:
    """Mean over the heads of the mean log-loss at labelled candles of the validation splits, nats."""
    total, count = dict.fromkeys(HEADS, 0.0), dict.fromkeys(HEADS, 0)
    for one in series:
        span = one.splits.validation
        for head, logits in predict(model, one, span).items():
            losses = log_losses(logits, one.labels[head][span.start : span.stop])
            total[head] += float(losses.sum())
            count[head] += len(losses)
    return sum(total[head] / max(count[head], 1) for head in HEADS) / len(HEADS)


def log_losses(logits: NDArray[np.float64], labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """(M,) log-loss at each of the M labelled of N candles, nats; logits (N, classes)."""
    known = labels != UNLABELLED
    logits, labels = logits[known], labels[known]
    shifted = logits - logits.max(1, keepdims=True)
    losses: NDArray[np.float64] = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]
    return losses


def _optimizer(model: Natron, settings: OptimizationSettings) -> torch.optim.AdamW:
    matrices = [weight for weight in model.parameters() if weight.ndim == 2]
    rest = [weight for weight in model.parameters() if weight.ndim != 2]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


def _schedule(
    optimizer: torch.optim.AdamW, settings: OptimizationSettings, steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """Linear warm-up, then a cosine down to ``final_share`` of the peak."""
    warmup = max(1, round(settings.warmup_share * steps))

    def share(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        done = min(1.0, (step - warmup) / max(1, steps - warmup))
        return settings.final_share + (1 - settings.final_share) * 0.5 * (1 + math.cos(math.pi * done))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, share)
