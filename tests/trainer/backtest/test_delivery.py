"""Orders that no client could act on are none."""

import numpy as np
import pytest

from shared.contracts import DIRECTIONS
from shared.testing import walk_candles
from trainer.backtest.delivery import delivered
from trainer.backtest.engine import Orders
from trainer.backtest.market import Market, price_scale
from trainer.backtest.signals import Signals

COUNT, WIDTH_MS = 6, 900_000
LONG: Orders = np.ones(COUNT, np.int8)


def kept(
    orders: Orders = LONG,
    *,
    gap_ms: int = 0,
    max_age_s: int = 60,
    direction: str = "",
    actions: list[int] | None = None,
) -> list[int]:
    candles = walk_candles(COUNT)
    candles["t"][3:] += gap_ms
    heads = {"direction": np.tile([1.0 * (name == direction) for name in DIRECTIONS], (COUNT, 1))} if direction else {}
    of_policy = None if actions is None else np.array(actions, np.int8)
    signals = Signals(heads, np.zeros(COUNT, np.int64), None, of_policy)
    found: list[int] = delivered(orders, signals, Market.of(candles, np.zeros(COUNT)), WIDTH_MS, max_age_s).tolist()
    return found


def test_a_signal_before_a_hole_is_too_old_when_the_next_candle_opens() -> None:
    assert kept(gap_ms=900_000) == [1, 1, 0, 1, 1, 1]
    assert kept(gap_ms=900_000, max_age_s=900) == [1] * COUNT


def test_a_signal_expires_one_candle_after_its_own_whatever_age_is_allowed() -> None:
    assert kept(gap_ms=1_800_000, max_age_s=10**6) == [1, 1, 0, 1, 1, 1]


@pytest.mark.parametrize(("direction", "expected"), [("up", 1), ("neutral", 1), ("down", 0), ("", 1)])
def test_a_direction_that_points_the_other_way_is_no_entry(direction: str, expected: int) -> None:
    assert kept(direction=direction) == [expected] * COUNT
    assert kept(-LONG, direction={"up": "down", "down": "up"}.get(direction, direction)) == [-expected] * COUNT


def test_a_policy_that_points_the_other_way_is_no_entry() -> None:
    assert kept(actions=[1, 0, -1, 1, 0, -1]) == [1, 1, 0, 1, 1, 0]


def test_the_grid_of_prices_is_found_or_there_is_none() -> None:
    candles = walk_candles(50)
    assert price_scale(candles) == 0
    for name in "ohlc":
        candles[name] = np.round(candles[name], 3)
    assert price_scale(candles) == 1_000
