"""Figures on accounts whose worth is known by hand."""

import math

import numpy as np
import pytest

from shared.testing import walk_candles
from trainer.backtest.engine import Exits, simulate
from trainer.backtest.figures import candles_a_year, deflated_sharpe, max_drawdown, measure
from trainer.backtest.market import Market
from trainer.backtest.placebo import percentile, random_results
from trainer.backtest.rules import persistence_orders


def market(count: int = 400, seed: int = 0, spread: float = 0.0) -> Market:
    candles = walk_candles(count, seed=seed)
    return Market.of(candles, np.full(count, spread))


def test_drawdown_is_the_largest_loss_from_an_earlier_peak() -> None:
    assert max_drawdown(np.log([1.1, 0.99, 1.2, 1.0, 1.3])) == pytest.approx(1 - 1.0 / 1.2)
    assert max_drawdown(np.log([0.9, 0.95])) == pytest.approx(0.1)  # from the start
    assert max_drawdown(np.array([0.1, 0.2])) == 0


def test_a_year_of_round_the_clock_quarters_of_an_hour_has_as_many_candles() -> None:
    assert candles_a_year(market(), 900_000) == pytest.approx(365.25 * 96)


def test_figures_of_a_known_account() -> None:
    one = market()
    orders = np.zeros(400, np.int8)
    orders[10::40] = 1
    outcome = simulate(one, orders, Exits(12))
    found = measure(one, outcome, 1, 35_000)
    changes = np.diff(outcome.equity, prepend=0)
    wins = outcome.trades.result > 0
    assert found.trades == 10
    assert found.sharpe == pytest.approx(changes.mean() / changes.std() * math.sqrt(35_000))
    assert found.hit_rate == wins.mean()
    assert found.turnover == pytest.approx(20 / 400 * 35_000)
    assert found.exposure == pytest.approx(10 * 11 / 400)  # after the twelfth candle's close it is flat
    expected = outcome.trades.result[wins].sum() / -outcome.trades.result[~wins].sum()
    assert found.profit_factor == pytest.approx(expected)


def test_an_account_that_never_trades_shows_nothing() -> None:
    one = market()
    found = measure(one, simulate(one, np.zeros(400, np.int8), Exits()), 20, 35_000)
    assert (found.trades, found.log_equity, found.sharpe, found.max_drawdown) == (0, 0, 0, 0)
    assert found.hit_rate is None
    assert found.deflated_sharpe == 0.5


def test_the_more_was_tried_the_less_a_sharpe_ratio_shows() -> None:
    changes = np.random.default_rng(0).normal(0, 1, 1_000)
    changes += 0.08 - changes.mean()
    found = [deflated_sharpe(changes, trials) for trials in (1, 2, 10, 100, 10_000)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.95
    assert found[-1] < 0.5


def test_of_worthless_rules_the_best_of_many_is_not_taken_for_skill() -> None:
    random = np.random.default_rng(1)
    best = [max((random.normal(size=500) for _ in range(50)), key=np.mean) for _ in range(60)]
    fooled = [deflated_sharpe(changes, 1) > 0.95 for changes in best]
    deflated = [deflated_sharpe(changes, 50) > 0.95 for changes in best]
    assert np.mean(fooled) > 0.7
    assert np.mean(deflated) < 0.15


def test_a_rule_of_random_orders_stands_amid_its_placebo() -> None:
    found = []
    for seed in range(30):
        one = market(1_500, seed, 1e-4)
        orders = np.random.default_rng(seed).choice([-1, 0, 1], 1_500, p=[0.02, 0.96, 0.02]).astype(np.int8)
        outcome = simulate(one, orders, Exits(12))
        found.append(percentile(float(outcome.equity[-1]), random_results(one, outcome.trades, 60, seed)))
    assert 0.35 < np.mean(found) < 0.65
    assert np.std(found) > 0.15


def test_a_rule_that_knows_the_future_beats_its_placebo() -> None:
    one = market(1_500, 3, 1e-4)
    ahead = np.roll(persistence_orders(one, 12), -12)
    outcome = simulate(one, ahead, Exits(12))
    results = random_results(one, outcome.trades, 100, 0)
    assert percentile(float(outcome.equity[-1]), results) == 1.0
    assert (results == random_results(one, outcome.trades, 100, 0)).all()
    assert not (results == random_results(one, outcome.trades, 100, 1)).all()


def test_a_placebo_pays_the_costs_of_as_many_trades() -> None:
    one = market(1_500, 3, 1e-3)
    orders = np.zeros(1_500, np.int8)
    orders[::30] = 1
    outcome = simulate(one, orders, Exits(12))
    free = random_results(one.costing(0), outcome.trades, 20, 0)
    assert free - random_results(one, outcome.trades, 20, 0) == pytest.approx(50 * 1e-3 / 1.1, rel=0.1)
