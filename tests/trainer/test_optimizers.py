"""Every weight has one optimizer, both follow one schedule, and a loaded pair goes on as the saved one."""

import copy

import pytest
import torch

from shared.settings.groups import OptimizationSettings
from trainer.model import Natron
from trainer.optimizers import Optimizers, share


def _step(model: Natron, optimizers: Optimizers) -> None:
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        weight.grad = torch.randn(weight.shape, generator=generator)
    optimizers.step()


def _weights(model: Natron) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def test_every_weight_moves_by_about_the_learning_rate_and_gradients_are_cleared(model: Natron) -> None:
    settings = OptimizationSettings(learning_rate=0.01, weight_decay=0.0, warmup_share=0.0)
    before = _weights(model)
    _step(model, Optimizers(model, settings, 1000))
    for name, weight in model.named_parameters():
        moved = (weight - before[name]).square().mean().sqrt().item()
        assert 0.001 < moved < 0.02, name
        assert weight.grad is None


def test_no_weight_moves_at_a_rate_of_0(model: Natron) -> None:
    settings = OptimizationSettings(warmup_share=0.0, final_share=0.0)
    optimizers = Optimizers(model, settings, 1)
    for _ in range(2):
        _step(model, optimizers)
    before = _weights(model)
    _step(model, optimizers)  # beyond the last step: the cosine has ended at 0
    torch.testing.assert_close(_weights(model), before, rtol=0, atol=0)


def test_the_rate_rises_to_its_peak_and_falls_to_its_final_share() -> None:
    settings = OptimizationSettings(warmup_share=0.1, final_share=0.2)
    shares = [share(step, 100, settings) for step in range(120)]
    assert shares[:10] == sorted(shares[:10])
    assert shares[9] == pytest.approx(1.0)
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[100:] == pytest.approx([0.2] * 20)


def test_loaded_optimizers_go_on_as_the_saved_ones(model: Natron) -> None:
    settings = OptimizationSettings()
    first = Optimizers(model, settings, 10)
    _step(model, first)
    second = Optimizers(model, settings, 10)
    saved, start = copy.deepcopy(first.state_dict()), _weights(model)
    second.load_state_dict(saved)
    _step(model, first)
    expected = _weights(model)
    model.load_state_dict(start, strict=False)
    _step(model, second)
    torch.testing.assert_close(_weights(model), expected, rtol=0, atol=0)
