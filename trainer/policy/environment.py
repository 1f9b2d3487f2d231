# mypy: allow-untyped-decorators
"""Trading episodes as gymnasium sees them: one, or many at once from random candles.

An observation is the embedding of a candle and the account's state at its close (``inference_worker.policy.STATE``).
The action, 0 short, 1 flat or 2 long, is what to hold; it is filled at the next open, and the reward is what that
candle brought: log-equity change - a * fills - b * increase of the drawdown. Costs are the engine's.
"""

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector import VectorEnv as GymVectorEnv
from numba import njit
from numpy.typing import NDArray

from inference_worker.policy import ACTIONS, STATE
from trainer.backtest.account import ACCOUNT_SIZE, EQUITY, PEAK, SIDES, TRADE_SIZE, live, new_account
from trainer.backtest.following import FOLLOWED, observe
from trainer.backtest.market import Floats
from trainer.policy.arena import Arena

Observations = NDArray[np.float32]
Info = dict[str, Any]


@dataclass(frozen=True)
class Episode:
    """What an episode is: its decisions, the horizon that ages are told in, and the two weights of the reward."""

    length: int
    horizon: int
    turnover_penalty: float  # log-equity a fill, beyond its costs
    drawdown_penalty: float  # share of each increase of the drawdown


def _observation_space(arena: Arena) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(-np.inf, np.inf, (arena.embedding.shape[1] + len(STATE),), np.float32)


class TradingVector(GymVectorEnv[Observations, NDArray[np.int64], NDArray[np.bool_]]):
    """``count`` episodes side by side; all end together, and ``reset`` starts as many anew."""

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012 - gymnasium's own attribute

    def __init__(self, arena: Arena, episode: Episode, count: int) -> None:
        self.num_envs = count
        self.single_observation_space, self.single_action_space = _observation_space(arena), _actions()
        batch = gymnasium.vector.utils.batch_space
        self.observation_space, self.action_space = batch(self.single_observation_space, count), _actions(count)
        self._arena, self._episode = arena, episode
        self._terms = FOLLOWED.terms(arena.commission)
        self._weights = np.array([episode.turnover_penalty, episode.drawdown_penalty, episode.horizon])
        self._accounts = np.zeros((count, ACCOUNT_SIZE))
        self._states = np.zeros((count, len(STATE)), np.float32)
        self._at = np.zeros(count, np.int64)
        self._steps = 0

    @property
    def units(self) -> Floats:
        """(E,) size of a usual move where each episode is, log-equity."""
        return self._arena.unit[self._at]

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Observations, Info]:
        """Flat accounts at random candles; ``options["starts"]`` (E,) names the candles instead."""
        super().reset(seed=seed)
        chosen = (options or {}).get("starts")
        starts = self._arena.starts
        self._at[:] = self.np_random.choice(starts, self.num_envs) if chosen is None else chosen
        for account in self._accounts:
            new_account(account)
        self._states[:] = 0.0
        self._steps = 0
        return self._observe(), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Observations, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Hold what ``actions`` (E,) say through the next candle."""
        rewards = np.empty(self.num_envs)
        orders = np.asarray(actions, np.float64) - 1
        _live_all(
            self._accounts, self._arena.table, self._at, orders, self._terms, self._weights, rewards, self._states
        )
        self._steps += 1
        over = np.full(self.num_envs, self._steps >= self._episode.length)
        info = {"log_equity": self._accounts[:, EQUITY].copy(), "fills": self._accounts[:, SIDES].copy()}
        return self._observe(), rewards, np.zeros(self.num_envs, np.bool_), over, info

    def _observe(self) -> Observations:
        return np.concatenate([self._arena.embedding[self._at], self._states], 1)


class TradingEnvironment(gymnasium.Env[Observations, np.int64]):
    """One episode at a time: the vector of one."""

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own attribute

    def __init__(self, arena: Arena, episode: Episode) -> None:
        self._one = TradingVector(arena, episode, 1)
        self.observation_space, self.action_space = self._one.single_observation_space, _actions()

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Observations, Info]:
        """A flat account at a random candle."""
        super().reset(seed=seed)
        found, info = self._one.reset(seed=seed, options=options)
        return found[0], info

    def step(self, action: np.int64) -> tuple[Observations, float, bool, bool, Info]:
        """Hold what the action says through the next candle."""
        found, rewards, _, over, info = self._one.step(np.array([action]))
        told = {name: float(values[0]) for name, values in info.items()}
        return found[0], float(rewards[0]), False, bool(over[0]), told


def _actions(count: int | None = None) -> Any:
    one = gymnasium.spaces.Discrete(len(ACTIONS))
    return one if count is None else gymnasium.vector.utils.batch_space(one, count)


@njit(cache=True)
def _live_all(
    accounts: Floats,
    table: Floats,
    at: NDArray[np.int64],
    orders: Floats,
    terms: Floats,
    weights: Floats,
    rewards: Floats,
    states: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    trades = np.empty((3, TRADE_SIZE))
    for which in range(len(at)):
        account = accounts[which]
        equity, fills, drawdown = account[EQUITY], account[SIDES], account[PEAK] - account[EQUITY]
        at[which] += 1
        live(account, trades, table, at[which], orders[which], terms)
        deeper = max(account[PEAK] - account[EQUITY] - drawdown, 0.0)
        rewards[which] = account[EQUITY] - equity - weights[0] * (account[SIDES] - fills) - weights[1] * deeper
        observe(account, table, at[which], weights[2], states[which])
