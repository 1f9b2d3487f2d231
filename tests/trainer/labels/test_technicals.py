"""The indicators of label definitions against TA-Lib, and against the future."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import talib

from shared.contracts import Candles
from trainer.labels.technicals import Technicals, before, over_last

SETTLED = 400  # candles after which Wilder's averages forget where they began

MakeCandles = Callable[[int, int], Candles]


@pytest.fixture(scope="module")
def candles(make_candles: MakeCandles) -> Candles:
    return make_candles(900, 1)


REFERENCES = {
    "sma20": (talib.SMA, "c", 20),
    "sma50": (talib.SMA, "c", 50),
    "rsi14": (talib.RSI, "c", 14),
    "macd_histogram": (lambda close, *periods: talib.MACD(close, *periods)[2], "c", 12, 26, 9),
    "plus_di": (talib.PLUS_DI, "hlc", 14),
    "minus_di": (talib.MINUS_DI, "hlc", 14),
    "adx14": (talib.ADX, "hlc", 14),
    "atr14": (talib.ATR, "hlc", 14),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_an_indicator_settles_on_what_talib_says(candles: Candles, name: str) -> None:
    reference, columns, *periods = REFERENCES[name]
    expected = reference(*(np.ascontiguousarray(candles[column]) for column in columns), *periods)
    found = getattr(Technicals.of(candles), name)
    np.testing.assert_allclose(found[SETTLED:], expected[SETTLED:], rtol=1e-6, atol=1e-8)


def test_no_indicator_looks_ahead(candles: Candles, make_candles: MakeCandles) -> None:
    changed = candles.copy()
    changed[500:] = make_candles(900, 2)[500:]
    whole, other = Technicals.of(candles), Technicals.of(changed)
    for field in fields(Technicals):
        np.testing.assert_array_equal(getattr(whole, field.name)[:500], getattr(other, field.name)[:500])


def test_a_flat_market_without_volume_gives_finite_indicators(candles: Candles) -> None:
    flat = candles.copy()
    for name in "ohlc":
        flat[name] = 1.0
    flat["v"] = 0
    x = Technicals.of(flat)
    assert all(np.isfinite(getattr(x, field.name)[50:]).all() for field in fields(Technicals))
    assert (x.rsi14 == 50).all()


def test_shifting_and_rolling_leave_the_first_candles_unknown() -> None:
    values = np.arange(5.0)
    np.testing.assert_array_equal(before(values, 2), [np.nan, np.nan, 0, 1, 2])
    np.testing.assert_array_equal(over_last(values, 3, "mean"), [np.nan, np.nan, 1, 2, 3])
    assert np.isnan(over_last(values, 6, "max")).all()
