"""Each equals TA-Lib's indicator, and the efficiency ratio its formula."""

from collections.abc import Callable

import numpy as np
import talib

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]
CheckFamily = Callable[[dict[str, Reference], str, Candles], None]


def rolling(values: np.ndarray, length: int, function: Callable[..., np.ndarray]) -> np.ndarray:
    """A numpy function over every window; NaN before the first."""
    windows = np.lib.stride_tricks.sliding_window_view(values, length)
    return np.concatenate([np.full(length - 1, np.nan), function(windows, axis=1)])


def column(candles: Candles, name: str) -> np.ndarray:
    return compute_values(candles)[:, FEATURE_SET.names.index(name)]


def efficiency(x: Candles) -> np.ndarray:
    path = rolling(np.abs(np.diff(x["c"], prepend=x["c"][0])), 20, np.sum)
    net = np.abs(x["c"] - np.roll(x["c"], 20))
    return np.divide(100.0 * net, path, out=np.zeros(len(x)), where=path > 0.0)


REFERENCES: dict[str, Reference] = {
    "adx_14": lambda x: talib.ADX(x["h"], x["l"], x["c"], 14),
    "plus_di_14": lambda x: talib.PLUS_DI(x["h"], x["l"], x["c"], 14),
    "minus_di_14": lambda x: talib.MINUS_DI(x["h"], x["l"], x["c"], 14),
    "aroon_oscillator_25": lambda x: talib.AROONOSC(x["h"], x["l"], 25),
    "efficiency_20": efficiency,
    "regression_r2_48": lambda x: 100.0 * rolling(x["c"] - x["c"][0], 48, line_share),
}


def line_share(windows: np.ndarray, axis: int) -> np.ndarray:
    """Squared correlation of each window with time."""
    time = np.arange(48) - 23.5
    rest = windows - windows.mean(axis=axis, keepdims=True)
    return (rest @ time) ** 2 / np.maximum((rest**2).sum(axis=axis) * (time @ time), 1e-300)


def test_the_family_agrees_with_its_definitions(check_family: CheckFamily, counted_walk: Candles) -> None:
    check_family(REFERENCES, "trend_strength", counted_walk)


def test_the_family_agrees_with_its_definitions_on_real_markets(
    check_family: CheckFamily, counted_markets: list[Candles]
) -> None:
    for candles in counted_markets:
        check_family(REFERENCES, "trend_strength", candles)


def test_a_steady_rise_is_all_trend(nasty: dict[str, Candles]) -> None:
    risen = nasty["only up"]
    assert column(risen, "adx_14")[-1] == 100.0
    assert column(risen, "aroon_oscillator_25")[-1] == 100.0
    assert abs(column(risen, "efficiency_20")[-1] - 100.0) < 1e-9
    assert column(risen, "minus_di_14")[-1] == 0.0
