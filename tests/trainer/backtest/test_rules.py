"""Entry rules on numbers as the wire has them."""

import math

import numpy as np
import pytest

from shared.contracts import Reason
from shared.errors import InputError
from shared.settings.learning import BacktestSettings
from shared.testing import walk_candles
from trainer.backtest.engine import Orders
from trainer.backtest.market import Market
from trainer.backtest.rules import Rule, persistence_orders
from trainer.backtest.signals import Signals

COUNT = 30


def market(spread: float = 1e-4) -> Market:
    return Market.of(walk_candles(COUNT), np.full(COUNT, spread))


def orders(
    name: str, heads: dict[str, list[float] | list[list[float]]], reasons: int = 0, spread: float = 1e-4
) -> Orders:
    """The rule's orders where every candle has the same heads."""
    repeated = {head: np.repeat(np.array([values], float), COUNT, 0).squeeze() for head, values in heads.items()}
    return Rule(name, BacktestSettings(), 12).orders(Signals(repeated, np.full(COUNT, reasons)), market(spread))


def wins(long: float, short: float) -> dict[str, list[float] | list[list[float]]]:
    return {"long_win": [long], "short_win": [short]}


def test_expected_value_enters_where_the_expected_move_exceeds_the_next_quote() -> None:
    one = market()
    move = math.pi / 4 * math.sqrt(12) * one.table[:, -1] * 0.1
    found = orders("expected_value", wins(0.5, 0.4), spread=float(move[10]) - 1e-9)
    assert found[10] == 1
    assert orders("expected_value", wins(0.5, 0.4), spread=float(move[10]) + 1e-9)[10] == 0
    assert (orders("expected_value", wins(0.4, 0.5), spread=0.0)[:-1] == -1).all()


def test_expected_value_is_the_mean_move_of_a_drifting_walk() -> None:
    """The rule's formula, from nothing but the two probabilities and the range, against the drift that made them."""
    random = np.random.default_rng(0)
    steps = random.normal(2e-5, 1e-3, (4_000, 12, 60))  # of 12 candles with 60 moves in each
    paths = steps.reshape(4_000, -1).cumsum(1).reshape(4_000, 12, 60)
    ranges = (paths.max(2) - paths.min(2)).mean()
    moves = paths[:, -1, -1]
    cost = 3e-3
    difference = (moves > cost).mean() - (moves < -cost).mean()
    expected = math.pi / 4 * math.sqrt(12) * ranges * difference
    assert expected == pytest.approx(moves.mean(), rel=0.15)


def test_direction_needs_its_probability_and_a_side() -> None:
    for probabilities, expected in (([0.1, 0.6, 0.3], 1), ([0.6, 0.1, 0.3], -1), ([0.1, 0.3, 0.6], 0)):
        assert (orders("direction", {"direction": [probabilities]}) == expected).all()
    assert not orders("direction", {"direction": [[0.32, 0.35, 0.33]]}).any()


def test_opposite_setups_are_no_entry() -> None:
    for buy, sell, expected in ((0.9, 0.1, 1), (0.1, 0.9, -1), (0.9, 0.9, 0), (0.1, 0.1, 0)):
        assert (orders("setup", {"buy": [buy], "sell": [sell]}) == expected).all()


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_forbids_an_entry(reason: Reason) -> None:
    assert not orders("setup", {"buy": [0.9], "sell": [0.1]}, int(reason)).any()


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("expected_value", wins(math.nan, math.nan)),
        ("direction", {"direction": [[math.nan] * 3]}),
        ("setup", {"buy": [math.nan], "sell": [math.nan]}),
    ],
)
def test_where_there_is_no_prediction_there_is_no_order(name: str, heads: dict[str, list[float]]) -> None:
    assert not orders(name, dict(heads)).any()


def test_a_rule_whose_heads_are_missing_is_refused() -> None:
    with pytest.raises(InputError) as error:
        orders("expected_value", {"buy": [0.9]})
    assert error.value.field == "rule"


def test_persistence_repeats_the_newest_resolved_trade() -> None:
    one = market(0.0)
    found = persistence_orders(one, 5)
    assert not found[:4].any()
    for at in range(4, COUNT):
        assert found[at] == np.sign(one.table[at, 3] - one.table[at - 4, 0])
    assert not persistence_orders(market(10.0), 5).any()
