"""The loss looks at labelled candles only; predictions do not depend on how a span is cut."""

import math

import numpy as np
import pytest
import torch

from inference_worker.bundle import HEADS
from trainer import supervised
from trainer.calibration import fit_temperature
from trainer.chunks import LabelledSeries
from trainer.labels.heads import UNLABELLED
from trainer.model import Natron
from trainer.splits import Span, Splits
from trainer.supervised import class_logits, log_losses, multi_task_loss, predict


def _logits(batch: int, length: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    widths = {head: () if len(classes) == 2 else (len(classes),) for head, classes in HEADS.items()}
    return {head: torch.randn(batch, length, *width, generator=generator) for head, width in widths.items()}


def test_the_loss_ignores_unlabelled_candles() -> None:
    logits = _logits(2, 8)
    labels = {head: torch.zeros(2, 8, dtype=torch.int64) for head in HEADS}
    masked = {head: label.clone() for head, label in labels.items()}
    for label in masked.values():
        label[:, 4:] = UNLABELLED
    half = {head: part[:, :4] for head, part in logits.items()}
    expected = multi_task_loss(half, {head: label[:, :4] for head, label in labels.items()}, 0.1)
    torch.testing.assert_close(multi_task_loss(logits, masked, 0.1), expected)


def test_a_batch_without_any_label_has_loss_0_and_finite_gradients() -> None:
    logits = _logits(1, 4)
    logits["buy"].requires_grad_()
    loss = multi_task_loss(logits, {head: torch.full((1, 4), UNLABELLED) for head in HEADS}, 0.1)
    loss.backward()
    assert loss.item() == 0
    assert logits["buy"].grad is not None
    assert logits["buy"].grad.isfinite().all()


def test_a_binary_head_is_a_softmax_over_none_and_setup() -> None:
    logits = _logits(1, 5)
    torch.testing.assert_close(class_logits(logits)["buy"].softmax(-1)[..., 1], logits["buy"].sigmoid())


def test_log_loss_is_that_of_the_softmax_at_labelled_candles() -> None:
    logits = np.array([[0.0, math.log(3)], [5.0, 1.0], [1000.0, 0.0]])
    losses = log_losses(logits, np.array([1, UNLABELLED, 0], np.int8))
    np.testing.assert_allclose(losses, [-math.log(0.75), 0], atol=1e-12)


def test_predictions_do_not_depend_on_how_a_span_is_cut(model: Natron, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).normal(size=(700, len(model.centre))).astype(np.float32)
    labels = {head: np.zeros(700, np.int8) for head in HEADS}
    series = LabelledSeries("X.M15", rows, labels, Splits(Span(0, 0), Span(0, 0), Span(0, 0)))
    whole = predict(model, series, Span(100, 690))
    monkeypatch.setattr(supervised, "SCORING_LENGTH", 256)
    cut = predict(model, series, Span(100, 690))
    for head in HEADS:
        assert len(whole[head]) == 590
        np.testing.assert_allclose(cut[head], whole[head], rtol=0, atol=2e-5)


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(true: float) -> None:
    random = np.random.default_rng(1)
    logits = random.normal(scale=2, size=(60_000, 3))
    odds = np.exp(logits / true)
    uniform = random.random((60_000, 1))
    labels = (uniform > np.cumsum(odds / odds.sum(1, keepdims=True), 1)).sum(1).astype(np.int8)
    assert fit_temperature(logits, labels) == pytest.approx(true, rel=0.05)
