"""Each distance and slope equals the one made of TA-Lib's averages and ATR, once warmed up."""

from collections.abc import Callable

import numpy as np
import pytest
import talib

from feature_service.indicators.moving_averages import FEATURES
from feature_service.pipeline import compute_values
from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]


def atr(candles: Candles) -> np.ndarray:
    return talib.ATR(candles["h"], candles["l"], candles["c"], 14)


def distance(average: Callable[[np.ndarray], np.ndarray]) -> Reference:
    return lambda candles: (candles["c"] - average(candles["c"].copy())) / atr(candles)


def slope(length: int, candles_ago: int) -> Reference:
    def reference(candles: Candles) -> np.ndarray:
        average = talib.SMA(candles["c"], length)
        return (average - np.roll(average, candles_ago)) / atr(candles)

    return reference


def hull(close: np.ndarray) -> np.ndarray:
    return talib.WMA(2.0 * talib.WMA(close, 10) - talib.WMA(close, 21), 4)


def volume_weighted(candles: Candles) -> np.ndarray:
    average = talib.SUM(candles["c"] * candles["v"], 20) / talib.SUM(candles["v"].copy(), 20)
    return (candles["c"] - average) / atr(candles)


def ribbon(candles: Candles) -> np.ndarray:
    averages = np.array([talib.SMA(candles["c"], length) for length in (10, 20, 50, 200)])
    return (averages.max(axis=0) - averages.min(axis=0)) / atr(candles)


REFERENCES: dict[str, Reference] = {
    "sma_10_distance": distance(lambda close: talib.SMA(close, 10)),
    "sma_20_distance": distance(lambda close: talib.SMA(close, 20)),
    "sma_50_distance": distance(lambda close: talib.SMA(close, 50)),
    "sma_200_distance": distance(lambda close: talib.SMA(close, 200)),
    "ema_50_distance": distance(lambda close: talib.EMA(close, 50)),
    "dema_30_distance": distance(lambda close: talib.DEMA(close, 30)),
    "hma_21_distance": distance(hull),
    "vwma_20_distance": volume_weighted,
    "midprice_26_distance": lambda x: (x["c"] - talib.MIDPRICE(x["h"], x["l"], 26)) / atr(x),
    "sma_20_slope_5": slope(20, 5),
    "sma_50_slope_10": slope(50, 10),
    "sma_200_slope_20": slope(200, 20),
    "sma_ribbon_width": ribbon,
}


def test_every_feature_of_the_family_has_a_reference() -> None:
    assert list(REFERENCES) == [feature.name for feature in FEATURES]


@pytest.mark.parametrize("name", REFERENCES)
def test_it_agrees_with_ta_lib(
    name: str, walk: Callable[..., Candles], check_agreement: Callable[[str, Reference, Candles], None]
) -> None:
    check_agreement(name, REFERENCES[name], walk(6_000))


@pytest.mark.parametrize("name", REFERENCES)
def test_it_agrees_with_ta_lib_on_real_markets(
    name: str,
    real_candles: dict[str, Candles],
    check_agreement: Callable[[str, Reference, Candles], None],
) -> None:
    for candles in real_candles.values():
        check_agreement(name, REFERENCES[name], candles)


def test_without_volume_the_volume_weighted_average_is_the_simple_one(walk: Callable[..., Candles]) -> None:
    candles = walk(400)
    candles["v"] = 0.0
    names = [feature.name for feature in FEATURES]
    values = compute_values(candles)
    assert np.array_equal(values[:, names.index("vwma_20_distance")], values[:, names.index("sma_20_distance")])
