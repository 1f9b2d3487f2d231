"""A running average of the weights: what is scored and kept instead of the newest ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential average of a model's trained numbers (B. Polyak, A. Juditsky, 1992).

    Parameters
    ----------
    decay
        Weight of the past at each step, 0 .. 1; 0 keeps the newest weights. Smaller in the first steps, as
        (1 + n) / (10 + n) after n of them, so that the initial weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay, self._steps = decay, 0
        self._mean = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def update(self, model: nn.Module) -> None:
        """Take in the weights after a step."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        with torch.no_grad():
            for name, weight in model.named_parameters():
                self._mean[name].lerp_(weight, 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Give ``model`` the averages, and its own weights back at the end."""
        newest = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        _put(model, self._mean)
        try:
            yield
        finally:
            _put(model, newest)

    def state_dict(self) -> dict[str, Tensor]:
        """Return all that ``load_state_dict`` needs to go on from here."""
        return {**{name: mean.clone() for name, mean in self._mean.items()}, "steps": torch.tensor(self._steps)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from where another run stood."""
        self._steps = int(state["steps"])
        self._mean = {name: state[name].clone() for name in self._mean}


def _put(model: nn.Module, values: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(values[name])
