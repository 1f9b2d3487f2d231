"""Proximal policy optimisation (Schulman et al. 2017): clipped surrogate, GAE, entropy bonus."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Tensor

from shared.settings.learning import RlSettings
from trainer.policy.environment import TradingVector
from trainer.policy.network import PolicyNetwork

Array = NDArray[np.float32]
CLIP_NORM = 0.5
VALUE_WEIGHT = 0.5


@dataclass(frozen=True)
class Rollout:
    """T steps of E episodes, from their first candle to their last."""

    observations: Array  # (T, E, d + 3)
    actions: NDArray[np.int64]  # (T, E)
    chances: Array  # (T, E) log-probability of the action when it was taken
    values: Array  # (T + 1, E) what the critic expected, after the last step too
    rewards: Array  # (T, E) in usual moves

    def advantages(self, discount: float, smoothing: float) -> Array:
        """(T, E) generalised advantage estimates; episodes are cut off, not over, so the last value counts on."""
        out = np.zeros_like(self.rewards)
        ahead = np.zeros(self.rewards.shape[1], np.float32)
        for step in range(len(self.rewards) - 1, -1, -1):
            surprise = self.rewards[step] + discount * self.values[step + 1] - self.values[step]
            ahead = surprise + discount * smoothing * ahead
            out[step] = ahead
        return out


class Steps(NamedTuple):
    """Decisions in no order, N of them."""

    observations: Tensor  # (N, d + 3)
    actions: Tensor  # (N,)
    chances: Tensor  # (N,)
    advantages: Tensor  # (N,)
    returns: Tensor  # (N,)


def collect(
    network: PolicyNetwork, vector: TradingVector, settings: RlSettings, generator: np.random.Generator
) -> Rollout:
    """Live through one episode in each place of the vector, acting at random as the policy says."""
    length, noise = settings.episode_candles, settings.noise
    seen, _ = vector.reset(seed=int(generator.integers(2**31)))
    seen = blurred(network, seen, noise, generator)
    count = vector.num_envs
    observations = np.empty((length, *seen.shape), np.float32)
    actions, chances = np.empty((length, count), np.int64), np.empty((length, count), np.float32)
    values, rewards = np.empty((length + 1, count), np.float32), np.empty((length, count), np.float32)
    for step in range(length):
        observations[step] = seen
        odds, values[step] = _judge(network, seen)
        probabilities = np.exp(odds)
        drawn = generator.random(count, np.float32)[:, None] > probabilities.cumsum(1)
        actions[step] = np.minimum(drawn.sum(1), odds.shape[1] - 1)
        chances[step] = odds[np.arange(count), actions[step]]
        seen, found, _, _, _ = vector.step(actions[step])
        seen = blurred(network, seen, noise, generator)
        rewards[step] = found / vector.units
    values[length] = _judge(network, seen)[1]
    return Rollout(observations, actions, chances, values, rewards)


def blurred(network: PolicyNetwork, seen: Array, noise: float, generator: np.random.Generator) -> Array:
    """Observations (E, d + 3) whose embeddings are off by ``noise`` standard deviations: no candle is met twice.

    Without it a policy learns some thousand candles by heart, and trades on a random walk.
    """
    width = len(network.mean)
    off = generator.standard_normal((len(seen), width), np.float32) * noise / network.scale.numpy()
    return np.concatenate([seen[:, :width] + off, seen[:, width:]], 1)


def improve(
    network: PolicyNetwork,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    settings: RlSettings,
    generator: np.random.Generator,
) -> float:
    """Take the settings' passes over a rollout; the mean entropy of the actions, nats, as a measure of resolve."""
    advantages = rollout.advantages(settings.discount, settings.smoothing)
    width = rollout.observations.shape[-1]
    steps = Steps(
        torch.from_numpy(rollout.observations.reshape(-1, width)),
        torch.from_numpy(rollout.actions.reshape(-1)),
        torch.from_numpy(rollout.chances.reshape(-1)),
        torch.from_numpy(advantages.reshape(-1)),
        torch.from_numpy((advantages + rollout.values[:-1]).reshape(-1)),
    )
    entropies = []
    for _ in range(settings.passes):
        order = torch.from_numpy(generator.permutation(len(steps.actions)))
        for part in torch.split(order, settings.minibatch):
            loss, entropy = surrogate(network, Steps(*(column[part] for column in steps)), settings)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
            optimizer.step()
            entropies.append(entropy)
    return float(np.mean(entropies))


def surrogate(network: PolicyNetwork, steps: Steps, settings: RlSettings) -> tuple[Tensor, float]:
    """Loss of one minibatch, and the entropy in it."""
    width = len(network.mean)
    judged = network.judge(steps.observations[:, :width], steps.observations[:, width:])
    odds = torch.log_softmax(judged.logits, -1)
    ratio = torch.exp(odds.gather(1, steps.actions[:, None]).squeeze(1) - steps.chances)
    better = (steps.advantages - steps.advantages.mean()) / (steps.advantages.std() + 1e-8)
    clipped = torch.clamp(ratio, 1 - settings.clip, 1 + settings.clip)
    gained = torch.minimum(ratio * better, clipped * better).mean()
    entropy = -(odds.exp() * odds).sum(-1).mean()
    loss = VALUE_WEIGHT * nnf.smooth_l1_loss(judged.value, steps.returns) - gained - settings.entropy * entropy
    return loss, entropy.item()


def _judge(network: PolicyNetwork, seen: Array) -> tuple[Array, Array]:
    """Log-probabilities (E, 3) and values (E,)."""
    width = len(network.mean)
    with torch.no_grad():
        observation = torch.from_numpy(seen)
        judged = network.judge(observation[:, :width], observation[:, width:])
        return torch.log_softmax(judged.logits, -1).numpy(), judged.value.numpy()
