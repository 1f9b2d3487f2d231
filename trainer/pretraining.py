"""Pretraining without labels: hidden candles are told from what is around them, and a candle is known again."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Tensor, nn

from feature_service.feature_set import FEATURE_SET
from shared.contracts import WINDOW
from shared.settings.learning import PretrainSettings, SupervisedSettings
from trainer.chunks import CONTEXT, Batch, LabelledSeries, span_batches, training_batches
from trainer.epochs import Run, Task, run_epochs
from trainer.labels.heads import UNLABELLED
from trainer.machine import Machine
from trainer.model import Natron
from trainer.run_folder import EpochReport
from trainer.supervised import steps_per_epoch

TARGETS = ("return_1", "body", "upper_wick", "lower_wick", "true_range_ratio", "volume_to_median_20")
"""What is told of a hidden candle: its own stationary channels, of which no other row holds a copy."""
DELAY = 8  # candles until a hidden one is told: the model is causal, and what came after helps; at least a span
ANCHORS = 64  # candles of a chunk that are to be known again
PROJECTION = 64  # channels in which they are compared
SHARPNESS = 10.0  # of the comparison; 1 / temperature
_FIRST, _SECOND, _ANCHOR, _CUT = "first", "second", "anchor", "cut"


class Pretrainer(nn.Module):
    """The model, and what reads it while there are no labels.

    Two views of a chunk: the same rows under different masks, the second one cut off on the left, so that a candle
    is seen twice with another past. Other candles are negatives where their windows share nothing with it.
    """

    def __init__(self, model: Natron) -> None:
        super().__init__()
        self.model = model
        self.tell = nn.Linear(model.width, len(TARGETS))
        self.project = nn.Linear(model.width, PROJECTION, bias=False)
        self._columns = [FEATURE_SET.names.index(name) for name in TARGETS]

    def forward(self, rows: Tensor, views: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Sums over a batch of both losses: (B, T, F) rows and what ``_views`` drew for them."""
        model, cut = (
            self.model,
            int(views[_CUT][:1].sum()),
        )  # one for all; a process may have no chunk of the last batch
        first = model(torch.where(views[_FIRST][..., None], model.centre, rows)).embedding
        second = model(torch.where(views[_SECOND][:, cut:, None], model.centre, rows[:, cut:])).embedding
        target = torch.clamp((rows - model.centre) * model.scale, -model.clip, model.clip)[..., self._columns]
        told = self.tell(first[:, DELAY:]).float()
        errors = nnf.smooth_l1_loss(told, target[:, :-DELAY], reduction="none").mean(-1)
        hidden = _told(views)
        return (errors * hidden).sum(), self._contrast(first, second, views[_ANCHOR], cut)

    def _contrast(self, first: Tensor, second: Tensor, anchor: Tensor, cut: int) -> Tensor:
        """Sum of InfoNCE over the anchors (B, K); those at -1 count nothing and are nobody's negative."""
        valid = anchor >= 0
        at = anchor.clamp(min=CONTEXT)[..., None].expand(-1, -1, first.shape[-1])
        one = nnf.normalize(self.project(first.gather(1, at)).float(), dim=-1)  # (B, K, 64)
        other = nnf.normalize(self.project(second.gather(1, at - cut)).float(), dim=-1)
        alike = SHARPNESS * one @ other.transpose(1, 2)  # (B, K, K)
        near = (anchor[:, :, None] - anchor[:, None, :]).abs() < WINDOW
        same = torch.eye(anchor.shape[1], dtype=torch.bool, device=anchor.device)
        alike = alike.masked_fill((near | ~valid[:, None, :]) & ~same, -torch.inf)
        losses = alike.logsumexp(-1) - alike.diagonal(dim1=1, dim2=2)
        return (losses * valid).sum()


def _told(views: dict[str, Tensor]) -> Tensor:
    """(B, T - 8) candles whose loss counts: hidden, and followed by eight of the same split."""
    return views[_FIRST][:, :-DELAY] & (views["inside"][:, DELAY:])


def _views(batch: Batch, settings: PretrainSettings, generator: np.random.Generator) -> Batch:
    """Draw masks, anchors and the cut of a batch; they stand where a supervised batch has its labels."""
    inside = torch.stack([labels != UNLABELLED for labels in batch.labels.values()]).any(0).numpy()  # (B, T)
    shape: tuple[int, int] = inside.shape
    anchor = np.full((shape[0], ANCHORS), -1)
    for chunk, known in enumerate(inside):
        places = known.nonzero()[0]
        chosen = generator.permutation(places)[:ANCHORS]
        anchor[chunk, : len(chosen)] = chosen
    drawn = {
        _FIRST: _spans(shape, settings, generator),
        _SECOND: _spans(shape, settings, generator),
        _ANCHOR: anchor,
        _CUT: np.full(shape[0], generator.integers(1, CONTEXT)),
        "inside": inside,
    }
    return Batch(batch.rows, {name: torch.from_numpy(values) for name, values in drawn.items()})


def _spans(shape: tuple[int, int], settings: PretrainSettings, generator: np.random.Generator) -> NDArray[np.bool_]:
    """(B, T) hidden candles: spans of 1 to ``span_candles`` that may overlap; about ``mask_share`` in all."""
    mean = (1 + settings.span_candles) / 2
    starts: NDArray[np.bool_] = generator.random(shape) < 1 - (1 - settings.mask_share) ** (1 / mean)
    lengths = generator.integers(1, settings.span_candles + 1, shape)
    hidden = starts.copy()
    for back in range(1, settings.span_candles):
        hidden[:, back:] |= starts[:, :-back] & (lengths[:, :-back] > back)
    return hidden


def fit_pretraining(
    model: Natron, series: Sequence[LabelledSeries], settings: PretrainSettings, chunks: SupervisedSettings, run: Run
) -> tuple[EpochReport, ...]:
    """Pretrain ``model`` in place on the training splits and leave it at its best epoch.

    Labels are not looked at, but for telling which rows belong to the split.
    """
    pretrainer = Pretrainer(model).to(run.machine.device)

    def batches(generator: np.random.Generator) -> Iterator[Batch]:
        for batch in training_batches(series, chunks.chunk_rows, chunks.batch_chunks, generator):
            yield _views(batch, settings, generator)

    def loss(learner: nn.Module, part: Batch, whole: Batch) -> Tensor:
        with run.machine.autocast():
            told, contrast = learner(part.rows, part.labels)
        return run.machine.world * _mean(told, contrast, whole, settings.contrast_weight)

    task = Task(
        name="pretrain",
        phase="pretrain",
        module=pretrainer,
        epochs=settings.epochs,
        patience=settings.patience,
        average=chunks.ema,
        batches=batches,
        steps=steps_per_epoch(series, chunks),
        loss=loss,
        score=lambda: _score(pretrainer, series, settings, chunks, run.machine),
    )
    return run_epochs(task, run)


def _mean(told: Tensor, contrast: Tensor, whole: Batch, weight: float) -> Tensor:
    views = whole.labels
    hidden, anchors = _told(views).sum().clamp(min=1), (views[_ANCHOR] >= 0).sum().clamp(min=1)
    return told / hidden.to(told.device) + weight * contrast / anchors.to(told.device)


def _score(
    pretrainer: Pretrainer,
    series: Sequence[LabelledSeries],
    settings: PretrainSettings,
    chunks: SupervisedSettings,
    machine: Machine,
) -> float:
    """Loss on the validation splits, under the same masks at every call."""
    generator = np.random.default_rng(0)
    total, count = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for one in series:
        for index, (_, batch) in enumerate(span_batches(one, one.splits.validation, chunks.chunk_rows)):
            views = _views(batch, settings, generator)
            if index % machine.world != machine.rank:
                continue
            rows = views.rows.to(machine.device)
            drawn = {name: values.to(machine.device) for name, values in views.labels.items()}
            with torch.no_grad(), machine.autocast():
                told, contrast = pretrainer(rows, drawn)
            total += _mean(told, contrast, views, settings.contrast_weight).double().cpu()
            count += 1
    return float(machine.sum(total) / machine.sum(count))
