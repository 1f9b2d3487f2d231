"""The policy's network: two small towers, one that acts and one that values."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference_worker.policy import ACTIONS, STATE

FLAT = ACTIONS.index(0)
FLAT_START = 1.0  # logit of flat at first: trading all the time teaches what costs are, and little else
FLAT_ODDS = 4.0  # logit of flat in a policy that abstains


class Judgement(NamedTuple):
    """Log-odds of the actions (N, 3), and value (N,)."""

    logits: Tensor
    value: Tensor


class PolicyNetwork(nn.Module):
    """Embedding (N, d) and state (N, 3) to the probabilities of short, flat and long.

    Parameters
    ----------
    width
        d of the embedding.
    hidden
        Channels of both layers of each tower.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))  # of the training embeddings
        self.register_buffer("scale", torch.ones(width))  # 1 / standard deviation
        self.actor = _tower(width + len(STATE), hidden, len(ACTIONS), gain=0.01)
        self._prefer_flat(FLAT_START)
        self.critic = _tower(width + len(STATE), hidden, 1, gain=1.0)

    def fit_input(self, embedding: NDArray[np.float32]) -> None:
        """Standardise by these embeddings (M, d); a channel that never moves is left as it is."""
        spread = embedding.std(0, dtype=np.float64)
        self.mean.copy_(torch.from_numpy(embedding.mean(0, dtype=np.float64)))
        self.scale.copy_(torch.from_numpy(np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 1.0)))

    def forward(self, embedding: Tensor, state: Tensor) -> Tensor:
        """Probabilities (N, 3)."""
        logits: Tensor = self.actor(self._input(embedding, state))
        return torch.softmax(logits, -1)

    def judge(self, embedding: Tensor, state: Tensor) -> Judgement:
        """What training needs."""
        seen = self._input(embedding, state)
        return Judgement(self.actor(seen), self.critic(seen).squeeze(-1))

    def abstain(self) -> None:
        """Forget all: stay flat whatever is seen."""
        last = self.actor[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self._prefer_flat(FLAT_ODDS)

    def _prefer_flat(self, odds: float) -> None:
        last = self.actor[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias[FLAT] = odds

    def _input(self, embedding: Tensor, state: Tensor) -> Tensor:
        scaled = torch.clamp((embedding - self.mean) * self.scale, -5.0, 5.0)
        return torch.cat([scaled, state], -1)


class FastPolicy:
    """The acting tower in numpy: a candle at a time is no work for torch."""

    def __init__(self, network: PolicyNetwork) -> None:
        self._mean, self._scale = network.mean.numpy(), network.scale.numpy()
        layers = [layer for layer in network.actor if isinstance(layer, nn.Linear)]
        self._layers = [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in layers]

    def probabilities(self, embedding: NDArray[np.float32], state: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3) of short, flat, long."""
        x = np.concatenate([((embedding - self._mean) * self._scale).clip(-5.0, 5.0), state], 1)
        for weight, bias in self._layers[:-1]:
            x = np.tanh(x @ weight + bias)
        weight, bias = self._layers[-1]
        odds = x @ weight + bias
        odds = np.exp(odds - odds.max(1, keepdims=True))
        found: NDArray[np.float32] = odds / odds.sum(1, keepdims=True)
        return found


def _tower(width: int, hidden: int, outputs: int, gain: float) -> nn.Sequential:
    layers = [nn.Linear(width, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, outputs)]
    for layer, size in zip(layers, (2**0.5, 2**0.5, gain), strict=True):
        nn.init.orthogonal_(layer.weight, size)  # as PPO is usually begun: every action about as likely
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])
