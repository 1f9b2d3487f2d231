"""Times of day and week as bumps, so that a linear layer can tell one half hour from the next."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

BUMPS = {"day": 48, "week": 28}  # one every half hour, one every six hours
HALF_WIDTH = 2  # from a bump's top to its foot, in bumps: neighbours overlap, so no time lies between two of them


class Clock(nn.Module):
    """Bumps of the angles that a row tells the time by; nothing in it is trained.

    A bump is 1 at its own time and falls to 0 within ``HALF_WIDTH`` bumps of it. What a market does at an hour is
    steep in time, as one sine and one cosine cannot be; boosted trees cut them anywhere.

    Parameters
    ----------
    names
        Of a row's F features. Angles whose ``_sine`` or ``_cosine`` is not among them have no bumps.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        weights, biases = [torch.zeros(0, len(names))], [torch.zeros(0)]
        for name, count in BUMPS.items():
            if {f"{name}_sine", f"{name}_cosine"} <= set(names):
                angle = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
                foot = math.cos(2 * math.pi * HALF_WIDTH / count)
                weight = torch.zeros(count, len(names), dtype=torch.float64)
                weight[:, names.index(f"{name}_sine")] = angle.sin() / (1 - foot)
                weight[:, names.index(f"{name}_cosine")] = angle.cos() / (1 - foot)
                weights.append(weight.float())
                biases.append(torch.full((count,), -foot / (1 - foot)))
        # One product with the whole row is one node in the graph, which is faster than gathering four columns.
        self.register_buffer("weight", torch.cat(weights), persistent=False)  # (bumps, F)
        self.register_buffer("bias", torch.cat(biases), persistent=False)

    @property
    def size(self) -> int:
        """Channels that ``forward`` gives."""
        return len(self.bias)

    def forward(self, rows: Tensor) -> Tensor:
        """(B, T, F) raw rows -> (B, T, size) bumps, 0..1."""
        return nnf.relu(nnf.linear(rows.clamp(-1, 1), self.weight, self.bias))  # an infinite feature times 0 is NaN
