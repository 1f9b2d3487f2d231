"""Muon for the matrices inside the blocks, AdamW for the rest, and one schedule for both."""

import math
from typing import Any

import torch
from torch import nn

from shared.settings.groups import OptimizationSettings

INNER = ("blocks.", "pool_")  # what lies between the embedding and the heads; both of those are AdamW's
MOMENTUM = 0.95  # K. Jordan and others, 2024; as usual for Muon
BETAS = (0.9, 0.98)


class Optimizers:
    """Two optimizers that step together.

    Muon (K. Jordan and others, 2024) replaces the gradient of a matrix by the nearest orthogonal one, so that all of
    its directions are learned equally fast. Its steps are scaled to the size of AdamW's (J. Liu and others, 2025), so
    one learning rate and one weight decay serve both.

    Parameters
    ----------
    steps
        Of the whole run, over which the schedule extends; from then on the rate stays at its last value.
    """

    def __init__(self, model: nn.Module, settings: OptimizationSettings, steps: int) -> None:
        inner, outer, rest = _parts(model)
        self._settings, self._steps, self._step = settings, steps, 0
        rate, decay = settings.learning_rate, settings.weight_decay
        groups = [{"params": outer, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
        self._all: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=rate, betas=BETAS)]
        if inner:
            self._all.append(
                torch.optim.Muon(inner, lr=rate, weight_decay=decay, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw")
            )

    def step(self) -> None:
        """Move the weights by their gradients, at the rate that the schedule gives this step; clear the gradients."""
        rate = self._settings.learning_rate * share(self._step, self._steps, self._settings)
        for optimizer in self._all:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
        self._step += 1

    def state_dict(self) -> dict[str, Any]:
        """Return all that ``load_state_dict`` needs to go on from here."""
        return {"step": self._step, "optimizers": [one.state_dict() for one in self._all]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where another run stood."""
        self._step = state["step"]
        for one, found in zip(self._all, state["optimizers"], strict=True):
            one.load_state_dict(found)


def share(step: int, steps: int, settings: OptimizationSettings) -> float:
    """Share of the peak rate at a step from 0: a linear warm-up, then a cosine down to ``final_share``."""
    warmup = max(1, round(settings.warmup_share * steps))
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return settings.final_share + (1 - settings.final_share) * 0.5 * (1 + math.cos(math.pi * done))


def _parts(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Matrices between embedding and heads, the other matrices, and what is no matrix."""
    named = list(model.named_parameters())
    inner = [weight for name, weight in named if weight.ndim == 2 and name.startswith(INNER)]
    outer = [weight for name, weight in named if weight.ndim == 2 and not name.startswith(INNER)]
    return inner, outer, [weight for _, weight in named if weight.ndim != 2]
