"""Each oscillator equals TA-Lib's, once warmed up; the one that TA-Lib lacks equals its formula."""

from collections.abc import Callable

import numpy as np
import pytest
import talib

from feature_service.feature_set import FEATURE_SET
from feature_service.indicators.momentum import FEATURES
from feature_service.pipeline import compute_values
from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]


def bars(candles: Candles) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return candles["h"], candles["l"], candles["c"]


def true_strength(candles: Candles) -> np.ndarray:
    change = np.diff(candles["c"], prepend=candles["c"][0])
    smoothed = [talib.EMA(talib.EMA(part, 25)[24:], 13) for part in (change, np.abs(change))]
    return np.concatenate([np.full(24, np.nan), 100.0 * smoothed[0] / smoothed[1]])


REFERENCES: dict[str, Reference] = {
    "rsi_7": lambda x: talib.RSI(x["c"], 7),
    "rsi_14": lambda x: talib.RSI(x["c"], 14),
    "stochastic_k_14_3": lambda x: talib.STOCH(*bars(x), 14, 3, 0, 3, 0)[0],
    "stochastic_d_14_3_3": lambda x: talib.STOCH(*bars(x), 14, 3, 0, 3, 0)[1],
    "stochastic_rsi_14": lambda x: talib.STOCHRSI(x["c"], 14, 14, 3, 0)[0],
    "williams_r_28": lambda x: talib.WILLR(*bars(x), 28),
    "cci_20": lambda x: talib.CCI(*bars(x), 20),
    "roc_10": lambda x: talib.ROCP(x["c"], 10),
    "macd_12_26": lambda x: talib.MACD(x["c"], 12, 26, 9)[0] / talib.ATR(*bars(x), 14),
    "macd_histogram_12_26_9": lambda x: talib.MACD(x["c"], 12, 26, 9)[2] / talib.ATR(*bars(x), 14),
    "trix_15": lambda x: talib.TRIX(x["c"], 15),
    "ultimate_oscillator_7_14_28": lambda x: talib.ULTOSC(*bars(x), 7, 14, 28),
    "tsi_25_13": true_strength,
}


def column(candles: Candles, name: str) -> np.ndarray:
    return compute_values(candles)[:, FEATURE_SET.names.index(name)]


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


def test_in_a_market_that_stands_still_oscillators_stand_in_the_middle(nasty: dict[str, Candles]) -> None:
    flat = nasty["flat at 1.1"]
    for feature in FEATURES:
        assert np.all(column(flat, feature.name) == (feature.low + feature.high) / 2.0), feature.name


def test_a_steady_rise_is_the_top_of_the_range(nasty: dict[str, Candles]) -> None:
    risen = nasty["only up"]
    for name in ("rsi_7", "rsi_14", "stochastic_k_14_3", "ultimate_oscillator_7_14_28", "tsi_25_13"):
        assert column(risen, name)[-1] == pytest.approx(100.0)
    assert column(risen, "williams_r_28")[-1] == 0.0


def test_rounding_in_a_market_that_has_stopped_is_no_movement_of_the_rsi(nasty: dict[str, Candles]) -> None:
    assert np.all(column(nasty["a lull of 800 candles"], "stochastic_rsi_14")[530:640] == 50.0)
