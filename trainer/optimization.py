"""The optimisers of a module, the rate at which they go, and the average of the weights that they pass."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from shared.settings.learning import OptimizationSettings

Tensors = dict[str, Tensor]
_OPTIMIZER, _AVERAGE = "optimizer.", "average."


class Optimizers:
    """AdamW over all weights, or Muon over the blocks' matrices and AdamW over the rest."""

    def __init__(self, module: nn.Module, settings: OptimizationSettings) -> None:
        self._names = {weight: name for name, weight in module.named_parameters()}
        self._settings = settings
        uses_muon = settings.optimizer == "muon"
        muon = [weight for weight, name in self._names.items() if uses_muon and _is_inner(name)]
        rest = [weight for weight, name in self._names.items() if not (uses_muon and _is_inner(name))]
        groups = [
            {"params": [weight for weight in rest if weight.ndim == 2], "weight_decay": settings.weight_decay},
            {"params": [weight for weight in rest if weight.ndim != 2], "weight_decay": 0.0},
        ]
        self._all: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), fused=True)
        ]
        if muon:
            self._all.append(
                torch.optim.Muon(
                    muon,
                    lr=settings.learning_rate,
                    weight_decay=settings.weight_decay,
                    adjust_lr_fn="match_rms_adamw",  # so that one learning rate does for both
                )
            )

    def step(self, share: float) -> None:
        """Clip the gradients, go one step at ``share`` of the peak rate, and drop the gradients."""
        torch.nn.utils.clip_grad_norm_(list(self._names), self._settings.clip_norm)
        for one in self._all:
            for group in one.param_groups:
                group["lr"] = self._settings.learning_rate * share
            one.step()
            one.zero_grad(set_to_none=True)

    def tensors(self) -> Tensors:
        """Everything the optimisers remember, by weight: ``optimizer.<weight>/<what>``."""
        return {
            f"{_OPTIMIZER}{name}/{key}": value
            for weight, name in self._names.items()
            for one in self._all
            for key, value in one.state.get(weight, {}).items()
        }

    def restore(self, tensors: Tensors) -> None:
        """Go on from what ``tensors`` gave."""
        owners = {
            self._names[weight]: (one, weight)
            for one in self._all
            for group in one.param_groups
            for weight in group["params"]
        }
        for name, value in tensors.items():
            if name.startswith(_OPTIMIZER):
                weight_name, _, key = name.removeprefix(_OPTIMIZER).rpartition("/")
                one, weight = owners[weight_name]
                one.state[weight][key] = value.to(weight.device)


def _is_inner(name: str) -> bool:
    """Whether a weight maps the model's inner channels to each other, which is what Muon is for."""
    return name.endswith(".weight") and any(part in name for part in ("query_key", "mix.", "up.", "down.", "pool_"))


class Schedule:
    """Share of the peak rate at each step, after a linear warm-up: a cosine, or lowered where validation stalls.

    Parameters
    ----------
    epochs, steps
        How many at most, and how many steps each has.
    """

    def __init__(self, settings: OptimizationSettings, epochs: int, steps: int) -> None:
        fall = max(settings.decay_epochs * steps, settings.decay_steps)
        self._settings, self._steps = settings, min(fall, epochs * steps)  # a run that is shorter ends low as well
        self._warmup = min(settings.warmup_steps, self._steps // 5)  # nor is it warm-up alone
        self._share, self._waited = 1.0, 0

    def share(self, step: int) -> float:
        """Share at a step, from 0."""
        if step < self._warmup:
            return (step + 1) / self._warmup
        if self._settings.schedule == "plateau":
            return self._share
        done = min(1.0, (step - self._warmup) / max(1, self._steps - self._warmup))
        final = self._settings.final_share
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done))

    def finish_epoch(self, better: bool) -> None:
        """Learn how an epoch went."""
        self._waited = 0 if better else self._waited + 1
        if self._waited >= self._settings.plateau_patience:
            self._share = max(self._share * self._settings.plateau_factor, self._settings.final_share)
            self._waited = 0

    @property
    def state(self) -> tuple[float, int]:
        """What a resumed run needs."""
        return self._share, self._waited

    def restore(self, share: float, waited: int) -> None:
        """Go on from what ``state`` gave."""
        self._share, self._waited = share, waited


class Average:
    """The exponential average of a module's weights: what is scored and kept while the weights themselves go on."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module, self._decay = module, decay
        self._kept = {name: weight.detach().clone() for name, weight in module.named_parameters()} if decay else {}

    def follow(self, step: int) -> None:
        """Take in the weights after step ``step``, from 0; early steps count more, as the start is arbitrary."""
        decay = min(self._decay, (1 + step) / (10 + step))
        if self._kept:
            weights = dict(self._module.named_parameters())
            torch._foreach_lerp_(list(self._kept.values()), [weights[name].detach() for name in self._kept], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the module for the time of the context."""
        weights = dict(self._module.named_parameters())
        own = {name: weights[name].data for name in self._kept}
        for name, value in self._kept.items():
            weights[name].data = value
        try:
            yield
        finally:
            for name, value in own.items():
                weights[name].data = value

    def tensors(self) -> Tensors:
        """The averages, ``average.<weight>``."""
        return {_AVERAGE + name: value for name, value in self._kept.items()}

    def restore(self, tensors: Tensors) -> None:
        """Go on from what ``tensors`` gave."""
        for name, value in self._kept.items():
            value.copy_(tensors[_AVERAGE + name])
