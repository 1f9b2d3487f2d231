"""The environment is gymnasium's, and its account is the engine's."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import TrainingError
from trainer.backtest.engine import simulate
from trainer.backtest.following import FOLLOWED
from trainer.policy.arena import Arena, Ground
from trainer.policy.environment import Episode, TradingEnvironment, TradingVector

MakeGround = Callable[..., Ground]
FREE = Episode(length=40, horizon=12, turnover_penalty=0.0, drawdown_penalty=0.0)


def test_gymnasium_finds_nothing_wrong_with_it(make_ground: MakeGround) -> None:
    arena = Arena.of([make_ground(100, 0), make_ground(90, 1)], 40)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Box observation space.*(minimum|maximum) value is -?infinity")
        check_env(TradingEnvironment(arena, FREE), skip_render_check=True)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), start=st.integers(0, 59), quiet=st.floats(0, 0.9))
def test_an_episode_is_the_backtest_of_its_actions(
    make_ground: MakeGround, seed: int, start: int, quiet: float
) -> None:
    ground = make_ground(100, 0)
    vector = TradingVector(Arena.of([ground], 40), FREE, 1)
    vector.reset(options={"starts": np.array([start])})
    odds = [(1 - quiet) / 2, quiet, (1 - quiet) / 2]
    actions = np.random.default_rng(seed).choice(3, 40, p=odds)
    rewards, states = [], []
    for action in actions:
        seen, reward, _, over, info = vector.step(np.array([action]))
        rewards.append(reward[0])
        states.append(seen[0, -3:])
    orders = np.append(actions - 1, 0).astype(np.int8)
    outcome = simulate(ground.market.cut(start, start + 41), orders, FOLLOWED)
    assert over.all()
    # The last candle's close ends the backtest's position but not the episode's.
    np.testing.assert_allclose(np.cumsum(rewards)[:-1], outcome.equity[1:-1], atol=1e-12)
    assert [state[0] for state in states[:-1]] == outcome.position[1:-1].tolist()
    assert seen[0, :-3].tolist() == ground.embedding[start + 40].tolist()
    assert info["log_equity"][0] == pytest.approx(sum(rewards))


def test_the_state_tells_position_age_and_profit(make_ground: MakeGround) -> None:
    ground = make_ground(100, 0)
    vector = TradingVector(Arena.of([ground], 40), FREE, 2)
    seen, _ = vector.reset(options={"starts": np.array([3, 3])})
    assert not seen[:, -3:].any()
    for step in range(1, 4):
        seen, *_ = vector.step(np.array([2, 0]))
        close, entry, spread = ground.market.table[3 + step, 3], ground.market.table[4, 0], ground.market.table[:, 4]
        size = ground.market.table[3, -1]
        expected = [
            [1, step / 12, (close - entry - spread[4]) / size],
            [-1, step / 12, (entry - close - spread[3 + step]) / size],
        ]
        np.testing.assert_allclose(seen[:, -3:], expected, rtol=1e-5)


def test_fills_and_deeper_drawdowns_cost_what_the_weights_say(make_ground: MakeGround) -> None:
    arena = Arena.of([make_ground(100, 0)], 40)
    start = {"starts": np.array([5])}
    plain, fined = TradingVector(arena, FREE, 1), TradingVector(arena, Episode(40, 12, 0.01, 0.5), 1)
    plain.reset(options=start)
    fined.reset(options=start)
    equity, peak = 0.0, 0.0
    for action, fills in ((2, 1), (2, 0), (0, 2), (1, 1), (1, 0)):
        free = plain.step(np.array([action]))[1][0]
        deeper = max(max(peak, equity + free) - (equity + free) - (peak - equity), 0.0)
        equity, peak = equity + free, max(peak, equity + free)
        assert fined.step(np.array([action]))[1][0] == pytest.approx(free - 0.01 * fills - 0.5 * deeper, abs=1e-12)


def test_episodes_stay_within_one_series(make_ground: MakeGround) -> None:
    arena = Arena.of([make_ground(60, 0), make_ground(50, 1)], 40)
    assert arena.starts.tolist() == [*range(20), *range(60, 70)]


def test_episodes_longer_than_every_series_are_refused(make_ground: MakeGround) -> None:
    with pytest.raises(TrainingError) as error:
        Arena.of([make_ground(40, 0)], 40)
    assert error.value.field == "training.rl.episode_candles"


def test_a_seed_gives_the_same_starts(make_ground: MakeGround) -> None:
    arena = Arena.of([make_ground(100, 0)], 40)
    found = [TradingVector(arena, FREE, 8).reset(seed=seed)[0] for seed in (1, 1, 2)]
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()
