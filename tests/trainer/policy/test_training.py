"""What PPO learns where it is known what there is to learn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from shared.settings.learning import RlSettings
from trainer.policy.arena import Ground
from trainer.policy.ppo import Rollout
from trainer.policy.training import PolicyFitted, fit_on_grounds

MakeGround = Callable[..., Ground]
SHORT = RlSettings(episodes=320, episode_candles=128, hidden=32, learning_rate=4e-3)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def fit(make_ground: MakeGround, drift: float, seed: int = 0, settings: RlSettings = SHORT) -> PolicyFitted:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return fit_on_grounds([make_ground(4_000, 1, drift)], [make_ground(1_500, 2, drift)], settings, 12, seed)


def test_on_a_random_walk_it_learns_to_stay_flat(make_ground: MakeGround) -> None:
    found = fit(make_ground, 0.0)
    assert found.reports[0].reward < -0.02  # it traded at first, and paid
    assert found.reports[-1].reward > found.reports[0].reward / 3
    assert found.earnings["newest"].exposure < 0.1  # learned, not only chosen
    assert not found.learned
    assert (found.earnings["policy"].exposure, found.earnings["policy"].log_equity) == (0, 0)


def test_on_a_planted_signal_it_learns_to_trade_and_earns(make_ground: MakeGround) -> None:
    found = fit(make_ground, 4e-4)
    assert found.learned
    assert found.earnings["policy"].exposure > 0.3
    assert found.earnings["policy"].score > 5
    assert found.earnings["policy"].log_equity > 0.1  # of 0.4 that a clairvoyant without costs would have


def test_the_same_seed_gives_the_same_policy(make_ground: MakeGround) -> None:
    quick = SHORT.model_copy(update={"episodes": 40, "episode_candles": 32})
    first, second, other = (fit(make_ground, 4e-4, seed, quick) for seed in (3, 3, 4))
    assert [one.reward for one in first.reports] == [one.reward for one in second.reports]
    assert first.reports[-1].validation == second.reports[-1].validation
    assert first.reports[-1].reward != other.reports[-1].reward
    assert [one.episodes for one in first.reports] == [32, 40]


def test_advantages_are_the_discounted_surprises_ahead() -> None:
    random = np.random.default_rng(0)
    rewards, values = random.normal(size=(6, 2)).astype(np.float32), random.normal(size=(7, 2)).astype(np.float32)
    rollout = Rollout(np.zeros((6, 2, 1), np.float32), np.zeros((6, 2), np.int64), rewards, values, rewards)
    surprise = rewards + 0.9 * values[1:] - values[:-1]
    expected = [sum((0.9 * 0.8) ** k * surprise[at + k] for k in range(6 - at)) for at in range(6)]
    np.testing.assert_allclose(rollout.advantages(0.9, 0.8), expected, rtol=1e-5)
