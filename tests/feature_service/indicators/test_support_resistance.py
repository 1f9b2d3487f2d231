"""Distances to swings and to the ends of the range equal those found by looking at every candle."""

from collections.abc import Callable

import numpy as np
import talib

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]
CheckFamily = Callable[[dict[str, Reference], str, Candles], None]


def atr(x: Candles) -> np.ndarray:
    return talib.ATR(x["h"], x["l"], x["c"], 14)


def swing_levels(high: np.ndarray) -> np.ndarray:
    """Price of the newest of the last 64 confirmed highs, else of the highest of 64 candles."""
    swings = np.zeros(len(high), np.bool_)
    for at in range(3, len(high) - 3):
        swings[at] = high[at] > high[at + 1 : at + 4].max() and high[at] >= high[at - 3 : at].max()
    levels = np.zeros(len(high))
    for at in range(67, len(high)):
        known = np.flatnonzero(swings[at - 66 : at - 2])
        levels[at] = high[at - 66 + known[-1]] if len(known) else high[at - 63 : at + 1].max()
    return levels


REFERENCES: dict[str, Reference] = {
    "swing_high_distance": lambda x: (swing_levels(x["h"]) - x["c"]) / atr(x),
    "swing_low_distance": lambda x: (x["c"] + swing_levels(-x["l"])) / atr(x),
    "resistance_192_distance": lambda x: (talib.MAX(x["h"], 192) - x["c"]) / atr(x),
    "support_192_distance": lambda x: (x["c"] - talib.MIN(x["l"], 192)) / atr(x),
}


def test_the_family_agrees_with_its_definitions(check_family: CheckFamily, counted_walk: Candles) -> None:
    check_family(REFERENCES, "support_resistance", counted_walk)


def test_the_family_agrees_with_its_definitions_on_real_markets(
    check_family: CheckFamily, counted_markets: list[Candles]
) -> None:
    for candles in counted_markets:
        check_family(REFERENCES, "support_resistance", candles[-6_000:])


def test_without_a_swing_the_ends_of_64_candles_count(nasty: dict[str, Candles]) -> None:
    """Prices that only rise have no swing high: the highest is the newest."""
    values = compute_values(nasty["only up"])
    assert np.all(values[100:, FEATURE_SET.names.index("swing_high_distance")] == 0.0)
    assert np.all(values[100:, FEATURE_SET.names.index("swing_low_distance")] > 1.0)
