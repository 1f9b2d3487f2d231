"""A round trip costs the file's spread where it has one, else what the settings say."""

import numpy as np
import pytest

from shared.contracts import CANDLE_DTYPE, Candles
from trainer.costs import round_trip_costs

NONE = float("nan")


@pytest.fixture
def candles() -> Candles:
    candles = np.zeros(4, CANDLE_DTYPE)
    candles["c"] = [1.0, 2.0, 4.0, 4.0]
    return candles


def test_a_spread_is_paid_once_as_a_share_of_the_price(candles: Candles) -> None:
    assert round_trip_costs(candles, np.array([0.5, 0.5, 0.5, 0.0]), 1.0).tolist() == [0.5, 0.25, 0.125, 0.0]


def test_without_a_spread_the_settings_decide(candles: Candles) -> None:
    assert round_trip_costs(candles, None, 2.5).tolist() == [2.5e-4] * 4


@pytest.mark.parametrize("unknown", [0.0, NONE])
def test_a_column_that_never_shows_a_spread_is_none(candles: Candles, unknown: float) -> None:
    assert round_trip_costs(candles, np.full(4, unknown), 2.0).tolist() == [2e-4] * 4


def test_a_row_without_a_spread_takes_the_last_one_before_it_and_never_a_later_one(candles: Candles) -> None:
    assert round_trip_costs(candles, np.array([NONE, 1.0, NONE, 2.0]), 3.0).tolist() == [3e-4, 0.5, 0.5, 0.5]
