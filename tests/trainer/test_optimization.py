"""Schedules, averages, and which weights go by which optimiser."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from shared.settings.learning import OptimizationSettings
from trainer.model import PRESETS, Natron
from trainer.optimization import Average, Optimizers, Schedule


@given(steps=st.integers(1, 3_000), step=st.integers(0, 5_000))
def test_a_cosine_rises_to_its_peak_once_and_falls_to_its_final_share(steps: int, step: int) -> None:
    settings = OptimizationSettings(schedule="cosine", final_share=0.1, decay_steps=4_000)
    schedule = Schedule(settings, 1, steps)
    warmup = min(settings.warmup_steps, steps // 5)
    here, later = schedule.share(step), schedule.share(step + 1)
    assert 0 < here <= 1
    assert later >= here if step + 1 < warmup else later <= here or step + 1 == warmup
    assert schedule.share(steps) == pytest.approx(0.1)


@pytest.mark.parametrize(("epochs", "steps", "fallen"), [(100, 300, 1_500), (100, 10, 1_000), (3, 300, 900)])
def test_a_cosine_falls_over_its_epochs_or_steps_whichever_is_longer(epochs: int, steps: int, fallen: int) -> None:
    settings = OptimizationSettings(schedule="cosine", decay_epochs=5, decay_steps=1_000, final_share=0.1)
    schedule = Schedule(settings, epochs, steps)
    assert schedule.share(fallen - 50) > 0.1
    assert schedule.share(fallen) == schedule.share(fallen + 5_000) == pytest.approx(0.1)


def test_a_plateau_lowers_the_rate_after_its_patience_and_not_below_the_final_share() -> None:
    settings = OptimizationSettings(
        schedule="plateau", plateau_factor=0.5, plateau_patience=2, final_share=0.3, warmup_steps=0
    )
    schedule, shares = Schedule(settings, 1, 100), []
    for better in (True, False, False, False, True, False, False, False, False):
        schedule.finish_epoch(better)
        shares.append(schedule.share(50))
    assert shares == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]
    again = Schedule(settings, 1, 100)
    again.restore(*schedule.state)
    assert again.share(50) == 0.3


def test_an_average_follows_the_weights_and_is_in_the_module_only_while_applied() -> None:
    module = nn.Linear(3, 2)
    average = Average(module, 0.9)
    first = module.weight.detach().clone()
    with torch.no_grad():
        module.weight += 1
    average.follow(1_000)
    with average.applied():
        torch.testing.assert_close(module.weight, first + 0.1)
    torch.testing.assert_close(module.weight, first + 1)


def test_without_decay_the_weights_themselves_are_applied() -> None:
    module = nn.Linear(3, 2)
    average = Average(module, 0.0)
    average.follow(0)
    expected = module.weight.detach().clone()
    with average.applied():
        assert torch.equal(module.weight, expected)
    assert not average.tensors()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_restored_optimisers_go_on_with_the_same_bits(optimizer: str) -> None:
    settings = OptimizationSettings(optimizer=optimizer)

    def go(model: Natron, optimizers: Optimizers, steps: int) -> None:
        for step in range(steps):
            rows = torch.randn(1, 32, 5, generator=torch.Generator().manual_seed(step))
            model(rows).embedding.square().mean().backward()
            optimizers.step(1.0)

    torch.manual_seed(0)
    model = Natron(5, PRESETS["tiny"])
    optimizers = Optimizers(model, settings)
    go(model, optimizers, 2)
    kept = {name: value.clone() for name, value in {**model.state_dict(), **optimizers.tensors()}.items()}
    go(model, optimizers, 2)
    other = Natron(5, PRESETS["tiny"])
    other.load_state_dict({name: value for name, value in kept.items() if not name.startswith("optimizer.")})
    resumed = Optimizers(other, settings)
    resumed.restore(kept)
    go(other, resumed, 2)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


def test_muon_takes_the_blocks_matrices_and_no_other() -> None:
    model = Natron(5, PRESETS["tiny"])
    optimizers = Optimizers(model, OptimizationSettings(optimizer="muon"))
    model(torch.randn(1, 32, 5)).embedding.square().mean().backward()
    optimizers.step(1.0)
    muon = {name.split("/")[0] for name in optimizers.tensors() if name.endswith("/momentum_buffer")}
    assert len(muon) == 6 * 4 + 2
    assert all("blocks" in name or "pool" in name for name in muon)
