"""Each share equals TA-Lib's indicator, or numpy's sums where TA-Lib has none."""

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


def column(candles: Candles, name: str) -> np.ndarray:
    return compute_values(candles)[:, FEATURE_SET.names.index(name)]


def total(values: np.ndarray, length: int) -> np.ndarray:
    return rolling(values, length, np.sum)


def score(x: Candles) -> np.ndarray:
    return (x["v"] - rolling(x["v"], 48, np.mean)) / rolling(x["v"], 48, np.std)


def on_balance(x: Candles) -> np.ndarray:
    balance = talib.OBV(x["c"], x["v"])
    return (balance - np.roll(balance, 20)) / total(x["v"], 20)


def money_flow(x: Candles) -> np.ndarray:
    line = talib.AD(x["h"], x["l"], x["c"], x["v"])
    return (line - np.roll(line, 20)) / total(x["v"], 20)


def force(x: Candles) -> np.ndarray:
    change = np.diff(x["c"], prepend=x["c"][0])
    return talib.EMA(change * x["v"], 13) / (talib.EMA(x["v"].copy(), 13) * atr(x))


def vwap(x: Candles) -> np.ndarray:
    average = total((x["h"] + x["l"] + x["c"]) / 3.0 * x["v"], 48) / total(x["v"], 48)
    return (x["c"] - average) / atr(x)


REFERENCES: dict[str, Reference] = {
    "volume_to_median_20": lambda x: x["v"] / (x["v"] + rolling(x["v"], 20, np.median)),
    "volume_score_48": score,
    "volume_5_to_50": lambda x: rolling(x["v"], 5, np.mean) / rolling(x["v"], 50, np.mean),
    "obv_20": on_balance,
    "mfi_14": lambda x: talib.MFI(x["h"], x["l"], x["c"], x["v"], 14),
    "cmf_20": money_flow,
    "force_13": force,
    "vwap_48_distance": vwap,
    "volume_range_correlation_32": lambda x: talib.CORREL(x["v"].copy(), talib.TRANGE(x["h"], x["l"], x["c"]), 32),
}


def test_the_family_agrees_with_its_definitions(check_family: CheckFamily, counted_walk: Candles) -> None:
    check_family(REFERENCES, "volume", counted_walk)


def test_the_family_agrees_with_its_definitions_on_real_markets(
    check_family: CheckFamily, counted_markets: list[Candles]
) -> None:
    for candles in counted_markets:
        check_family(REFERENCES, "volume", candles)


def test_where_nothing_is_traded_each_says_the_neutral_thing(walk: Callable[..., Candles]) -> None:
    candles = walk(600)
    candles["v"] = 0.0
    neutral = {"volume_to_median_20": 0.5, "mfi_14": 50.0}
    for name in REFERENCES:
        assert np.all(column(candles, name) == neutral.get(name, 0.0)), name


def test_the_median_of_volumes_that_are_often_equal_is_numpys(walk: Callable[..., Candles]) -> None:
    candles = walk(3_000)
    candles["v"] = np.random.default_rng(1).integers(1, 4, 3_000)
    wanted = REFERENCES["volume_to_median_20"](candles)[20:]
    np.testing.assert_allclose(column(candles, "volume_to_median_20")[20:], wanted, rtol=1e-12)
