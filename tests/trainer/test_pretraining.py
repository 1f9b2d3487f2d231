"""Masks, views and the two losses of pretraining."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS
from shared.settings.learning import PretrainSettings
from trainer.chunks import CONTEXT, Batch
from trainer.labels.heads import UNLABELLED
from trainer.model import PRESETS, Natron
from trainer.pretraining import DELAY, TARGETS, Pretrainer, _spans, _views

LENGTH = 320


def _batch(count: int = 2, labelled: slice = slice(CONTEXT, None)) -> Batch:
    rows = torch.randn(count, LENGTH, FEATURE_SET.size, generator=torch.Generator().manual_seed(1))
    labels = torch.full((count, LENGTH), UNLABELLED)
    labels[:, labelled] = 1
    return Batch(rows, dict.fromkeys(HEADS, labels))


@pytest.fixture(scope="module")
def pretrainer() -> Pretrainer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        found = Pretrainer(Natron(FEATURE_SET.size, PRESETS["tiny"]))
        with torch.no_grad():
            for weight in found.parameters():
                torch.nn.init.normal_(weight, std=0.1)
            found.model.centre.normal_()
    return found.eval()


@pytest.mark.parametrize(("share", "span"), [(0.15, 6), (0.3, 3), (0.1, 1)])
def test_about_the_asked_share_of_candles_is_hidden_in_spans(share: float, span: int) -> None:
    settings = PretrainSettings(mask_share=share, span_candles=span)
    hidden = _spans((50, 4_000), settings, np.random.default_rng(0))
    assert hidden.mean() == pytest.approx(share, rel=0.05)
    edges = np.diff(hidden.astype(int), axis=1)
    mean_length = hidden.sum() / (edges == 1).sum()
    assert mean_length > (1 + span) / 2 * 0.98  # overlapping spans are longer


def test_hidden_rows_reach_no_output_but_as_targets(pretrainer: Pretrainer) -> None:
    batch = _views(_batch(), PretrainSettings(), np.random.default_rng(2))
    first = batch.labels["first"]
    rows = batch.rows.requires_grad_()
    seen = torch.where(first[..., None], pretrainer.model.centre, rows)
    pretrainer.model(seen).embedding.square().sum().backward()
    assert rows.grad is not None
    assert rows.grad[first].abs().max() == 0
    assert (rows.grad[~first].abs().sum(-1) > 0).all()


def test_only_candles_of_the_split_are_told_and_known_again(pretrainer: Pretrainer) -> None:
    inside = slice(CONTEXT, 200)
    batch = _views(_batch(labelled=inside), PretrainSettings(), np.random.default_rng(3))
    anchors = batch.labels["anchor"]
    assert anchors[anchors >= 0].min() >= CONTEXT
    assert anchors.max() < 200
    ruined = batch.rows.clone()
    ruined[:, 200:] = 1e3
    with torch.no_grad():
        expected, found = pretrainer(batch.rows, batch.labels), pretrainer(ruined, batch.labels)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def test_a_batch_without_a_labelled_candle_has_loss_0(pretrainer: Pretrainer) -> None:
    batch = _views(_batch(labelled=slice(0, 0)), PretrainSettings(), np.random.default_rng(4))
    told, contrast = pretrainer(batch.rows, batch.labels)
    assert told.item() == 0
    assert contrast.item() == 0


def test_near_candles_are_no_negatives(pretrainer: Pretrainer) -> None:
    first = torch.nn.functional.normalize(torch.randn(1, LENGTH, pretrainer.model.width), dim=-1)
    near = torch.tensor([[100, 110, 150]])
    with torch.no_grad():
        assert pretrainer._contrast(first, first, near, 0).abs() < 1e-4  # nothing to be told from
        assert pretrainer._contrast(first, first, torch.tensor([[100, 196, 300]]), 0) > 0
        alone = pretrainer._contrast(first, first, torch.tensor([[100, -1, -1]]), 0)
    assert alone.abs() < 1e-4


def test_a_hidden_candle_is_told_after_the_delay(pretrainer: Pretrainer) -> None:
    batch = _views(_batch(1), PretrainSettings(), np.random.default_rng(5))
    nothing = {**batch.labels, "first": torch.zeros_like(batch.labels["first"])}
    with torch.no_grad():
        assert pretrainer(batch.rows, nothing)[0].item() == 0
        one = nothing["first"].clone()
        one[0, 150] = True
        told = pretrainer(batch.rows, {**nothing, "first": one})[0].item()
        hidden = torch.where(one[..., None], pretrainer.model.centre, batch.rows)
        guess = pretrainer.tell(pretrainer.model(hidden).embedding)[0, 150 + DELAY]
        columns = [FEATURE_SET.names.index(name) for name in TARGETS]
        truth = (batch.rows[0, 150, columns] - pretrainer.model.centre[columns]).clamp(-6, 6)
        expected = torch.nn.functional.smooth_l1_loss(guess, truth).item()
    assert told == pytest.approx(expected, rel=1e-4)


def test_views_follow_from_the_generator_alone() -> None:
    first = _views(_batch(), PretrainSettings(), np.random.default_rng(9))
    second = _views(replace(_batch()), PretrainSettings(), np.random.default_rng(9))
    assert all(torch.equal(first.labels[name], second.labels[name]) for name in first.labels)
