"""The average forgets its start, leaves the model alone, and goes on where it was left."""

import numpy as np
import pytest
import torch
from torch import nn

from trainer.averaging import WeightAverage


def _line(value: float) -> nn.Linear:
    line = nn.Linear(1, 1, bias=False)
    nn.init.constant_(line.weight, value)
    return line


def _averaged(average: WeightAverage, model: nn.Linear) -> float:
    with average.applied(model):
        return model.weight.item()


def test_after_many_steps_it_is_the_exponential_mean_of_the_weights() -> None:
    model = _line(5.0)
    average = WeightAverage(model, 0.9)
    values = np.random.default_rng(0).normal(size=400)
    for value in values:
        nn.init.constant_(model.weight, value)
        average.update(model)
    expected = (0.1 * 0.9 ** np.arange(200) * values[::-1][:200]).sum()
    assert _averaged(average, model) == pytest.approx(expected, abs=1e-6)


def test_the_first_steps_soon_forget_the_initial_weights() -> None:
    model = _line(1000.0)
    average = WeightAverage(model, 0.999)
    nn.init.constant_(model.weight, 1.0)
    for _ in range(100):
        average.update(model)
    assert _averaged(average, model) == pytest.approx(1.0, abs=0.01)


def test_without_decay_it_is_the_newest_weights() -> None:
    model = _line(1.0)
    average = WeightAverage(model, 0.0)
    nn.init.constant_(model.weight, 3.0)
    average.update(model)
    assert _averaged(average, model) == 3.0


def test_the_model_gets_its_own_weights_back_even_after_an_error() -> None:
    model = _line(1.0)
    average = WeightAverage(model, 0.5)
    nn.init.constant_(model.weight, 2.0)

    def fail() -> None:
        with average.applied(model):
            assert model.weight.item() == 1.0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert model.weight.item() == 2.0


def test_a_loaded_average_goes_on_as_the_saved_one() -> None:
    model = _line(1.0)
    first = WeightAverage(model, 0.9)
    first.update(_line(2.0))
    second = WeightAverage(_line(7.0), 0.9)
    second.load_state_dict(first.state_dict())
    for average in (first, second):
        average.update(_line(4.0))
    torch.testing.assert_close(first.state_dict(), second.state_dict(), rtol=0, atol=0)
