"""Each measure equals the one made of TA-Lib's indicators, or of numpy where TA-Lib has none."""

from collections.abc import Callable

import numpy as np
import talib

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]
CheckFamily = Callable[[dict[str, Reference], str, Candles], None]


def atr(x: Candles, length: int = 14) -> np.ndarray:
    return talib.ATR(x["h"], x["l"], x["c"], length)


def rolling(values: np.ndarray, length: int, function: Callable[..., np.ndarray]) -> np.ndarray:
    """A numpy function over every window; NaN before the first."""
    windows = np.lib.stride_tricks.sliding_window_view(values, length)
    return np.concatenate([np.full(length - 1, np.nan), function(windows, axis=1)])


def log_returns(x: Candles) -> np.ndarray:
    return np.diff(np.log(x["c"]), prepend=np.nan)


def column(candles: Candles, name: str) -> np.ndarray:
    return compute_values(candles)[:, FEATURE_SET.names.index(name)]


def true_range(x: Candles) -> np.ndarray:
    return talib.TRANGE(x["h"], x["l"], x["c"])


def mean_square(values: np.ndarray, length: int) -> np.ndarray:
    return rolling(values**2, length, np.mean)


def bands(x: Candles) -> tuple[np.ndarray, ...]:
    return talib.BBANDS(x["c"], 20, 2.0, 2.0)


def satchell(x: Candles) -> np.ndarray:
    opened, high, low, close = (np.log(x[name]) for name in "ohlc")
    return (high - close) * (high - opened) + (low - close) * (low - opened)


def chaikin(x: Candles) -> np.ndarray:
    average = talib.EMA(x["h"] - x["l"], 10)
    return average / np.roll(average, 10) - 1.0


def realised(short: int, long: int) -> Reference:
    return lambda x: np.sqrt(mean_square(log_returns(x), short) / mean_square(log_returns(x), long))


REFERENCES: dict[str, Reference] = {
    "true_range_ratio": lambda x: true_range(x) / atr(x),
    "natr_14": lambda x: talib.NATR(x["h"], x["l"], x["c"], 14),
    "atr_7_to_21": lambda x: atr(x, 7) / atr(x, 21),
    "atr_14_to_range_100": lambda x: atr(x) / talib.SMA(true_range(x), 100),
    "bollinger_width_20": lambda x: 100.0 * (bands(x)[0] - bands(x)[2]) / bands(x)[1],
    "bollinger_place_20": lambda x: 100.0 * (x["c"] - bands(x)[2]) / (bands(x)[0] - bands(x)[2]),
    "keltner_place_20": lambda x: (x["c"] - talib.EMA(x["c"], 20)) / (2.0 * atr(x, 10)),
    "squeeze_20": lambda x: 2.0 * talib.STDDEV(x["c"], 20) / (1.5 * talib.SMA(true_range(x), 20)),
    "donchian_width_20": lambda x: (talib.MAX(x["h"], 20) - talib.MIN(x["l"], 20)) / atr(x),
    "volatility_16_to_48": realised(16, 48),
    "volatility_48_to_192": realised(48, 192),
    "parkinson_to_close_32": lambda x: np.sqrt(
        mean_square(np.log(x["h"] / x["l"]), 32) / (4.0 * np.log(2.0)) / mean_square(log_returns(x), 32)
    ),
    "rogers_satchell_20_to_100": lambda x: np.sqrt(
        rolling(satchell(x), 20, np.mean) / rolling(satchell(x), 100, np.mean)
    ),
    "chaikin_volatility_10": chaikin,
    "downside_share_64": lambda x: mean_square(np.minimum(log_returns(x), 0.0), 64) / mean_square(log_returns(x), 64),
}


def test_the_family_agrees_with_its_definitions(check_family: CheckFamily, counted_walk: Candles) -> None:
    check_family(REFERENCES, "volatility", counted_walk)


def test_the_family_agrees_with_its_definitions_on_real_markets(
    check_family: CheckFamily, counted_markets: list[Candles]
) -> None:
    for candles in counted_markets:
        check_family(REFERENCES, "volatility", candles)


def test_without_movement_the_bands_are_one_and_the_close_is_in_their_middle(nasty: dict[str, Candles]) -> None:
    lull = nasty["a lull of 800 candles"]
    assert np.all(column(lull, "bollinger_width_20")[520:1300] == 0.0)
    assert np.all(column(lull, "bollinger_place_20")[520:1300] == 50.0)
