"""Volatility: how wide prices swing, against other lengths, other estimators and the price itself.

Ratios of a length to a longer one tell calm from storm whatever the instrument; only the two in percent keep
the level.
"""

import math

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels import filters
from feature_service.kernels.columns import (
    CLOSE,
    HIGH,
    LOW,
    PARKINSON,
    RETURN,
    ROGERS_SATCHELL,
    TRUE_RANGE,
    WILDER_14,
    Buffer,
)
from feature_service.kernels.compile import kernel
from feature_service.kernels.filters import combination, delayed, exponential, simple, wilder
from feature_service.kernels.lanes import LANES, load, smaller, splat, total
from feature_service.kernels.moments import power, relative_variance
from feature_service.kernels.windows import highest, lowest, offset, ratio, spans, weighted

WILDER_7 = wilder(7)
WILDER_10 = wilder(10)
WILDER_21 = wilder(21)
EMA_10 = exponential(10)
EMA_20 = exponential(20)
SMA_100 = simple(100)
SMA_20 = simple(20)
EMA_10_BEFORE = delayed(EMA_10, 10)
BAND_DEVIATION_MIN = 1e-11  # of the price; below it 20 closes differ by rounding alone
DONCHIAN_LENGTH = 20

_WILDER_7 = filters.taps(WILDER_7)
_WILDER_10 = filters.taps(WILDER_10)
_WILDER_21 = filters.taps(WILDER_21)
_EMA_10 = filters.taps(combination((1.0, EMA_10), (0.0, EMA_10_BEFORE)))
_EMA_10_BEFORE = filters.taps(EMA_10_BEFORE)
_EMA_20 = filters.taps(EMA_20)
_SMA_100 = filters.taps(SMA_100)
_SMA_20 = filters.taps(SMA_20)
_SMA_32 = filters.taps(simple(32))
_PARKINSON_FACTOR = 1.0 / (4.0 * math.log(2.0))

_ATR_LOOKBACK = len(WILDER_14) + 1  # a true range needs the close before it
_BARS = ("high", "low", "close")
_ALL_BARS = ("open", "high", "low", "close")


def _entry(
    name: str,
    formula: str,
    inputs: tuple[str, ...],
    unit: str,
    low: float,
    high: float,
    lookback: int,
    source: str,
) -> Feature:
    return Feature(name, "volatility", formula, inputs, unit, low, high, lookback, source)


def _realised(short: int, long: int, high: float) -> Feature:
    formula = f"root of (mean r^2 over {short} / mean r^2 over {long}), r = log(close / close before); 0 where r = 0"
    name = f"volatility_{short}_to_{long}"
    return _entry(name, formula, ("close",), "ratio", 0.0, high, long + 1, "realised volatility")


FEATURES = (
    _entry(
        "true_range_ratio",
        "true range / ATR14",
        _BARS,
        "ATR14",
        0.0,
        14.0,
        _ATR_LOOKBACK,
        "TA-Lib TRANGE, ATR",
    ),
    _entry("natr_14", "100 ATR14 / close", _BARS, "percent", 0.0, 100.0, _ATR_LOOKBACK, "TA-Lib NATR"),
    _entry("atr_7_to_21", "ATR7 / ATR21", _BARS, "ratio", 0.0, 3.0, len(WILDER_21) + 1, "TA-Lib ATR"),
    _entry(
        "atr_14_to_range_100",
        "ATR14 / mean true range over 100",
        _BARS,
        "ratio",
        0.0,
        8.0,
        _ATR_LOOKBACK,
        "TA-Lib ATR, TRANGE",
    ),
    _entry(
        "bollinger_width_20",
        "100 (upper - lower) / middle, the bands of SMA20 and 2 standard deviations of close",
        ("close",),
        "percent",
        0.0,
        2000.0,
        len(SMA_20),
        "J. Bollinger; TA-Lib BBANDS",
    ),
    _entry(
        "bollinger_place_20",
        "100 (close - lower) / (upper - lower), the bands of SMA20 and 2 deviations; 50 where they are one",
        ("close",),
        "percent",
        -60.0,
        160.0,
        len(SMA_20),
        "J. Bollinger: %B; TA-Lib BBANDS",
    ),
    _entry(
        "keltner_place_20",
        "(close - EMA20(close)) / (2 ATR10)",
        _BARS,
        "ratio",
        -20.0,
        20.0,
        max(len(EMA_20), len(WILDER_10) + 1),
        "C. Keltner, L. Raschke; TA-Lib EMA, ATR",
    ),
    _entry(
        "squeeze_20",
        "2 standard deviations of close over 20 / (1.5 mean true range over 20)",
        _BARS,
        "ratio",
        0.0,
        16.0,
        len(SMA_20) + 1,
        "J. Carter: Bollinger's bands against Keltner's; TA-Lib STDDEV, TRANGE",
    ),
    _entry(
        "donchian_width_20",
        "(highest20 - lowest20) / ATR14",
        _BARS,
        "ATR14",
        0.0,
        100.0,
        _ATR_LOOKBACK,
        "R. Donchian; TA-Lib MAX, MIN, ATR",
    ),
    _realised(16, 48, 1.75),
    _realised(48, 192, 2.0),
    _entry(
        "parkinson_to_close_32",
        "root of (mean log(high / low)^2 / (4 log 2) / mean r^2), over 32, r = log(close / close before)",
        _BARS,
        "ratio",
        0.0,
        50.0,
        33,
        "M. Parkinson, 1980, against realised volatility",
    ),
    _entry(
        "rogers_satchell_20_to_100",
        "root of (mean s over 20 / mean s over 100), s = log(h/c) log(h/o) + log(l/c) log(l/o)",
        _ALL_BARS,
        "ratio",
        0.0,
        2.25,
        100,
        "L. Rogers, S. Satchell, 1991",
    ),
    _entry(
        "chaikin_volatility_10",
        "EMA10(high - low) / EMA10(high - low) 10 candles ago - 1",
        ("high", "low"),
        "ratio",
        -1.0,
        100.0,
        len(EMA_10_BEFORE),
        "M. Chaikin; TA-Lib EMA",
    ),
    _entry(
        "downside_share_64",
        "sum of r^2 where r < 0 / sum of r^2, over 64, r = log(close / close before); 0.5 where r = 0",
        ("close",),
        "share",
        0.0,
        1.0,
        65,
        "realised semivariance: O. Barndorff-Nielsen and others, 2010",
    ),
)


@kernel
def realised_ratio(columns: Buffer, at: int, short: int, long: int) -> float:
    """Root mean square of the returns over a length, against a longer one; multiples of 16."""
    whole = power(columns[RETURN], at, long)
    return math.sqrt(ratio(power(columns[RETURN], at, short) * long, whole * short))


@kernel
def parkinson_to_close(columns: Buffer, at: int) -> float:
    """Parkinson's estimate against that of the closes."""
    ranges = 32.0 * weighted(columns[PARKINSON], at, _SMA_32)
    return math.sqrt(ratio(_PARKINSON_FACTOR * ranges, power(columns[RETURN], at, 32)))


@kernel
def downside_share(columns: Buffer, at: int) -> float:
    """Share of the falls in all squared returns."""
    falls = splat(0.0)
    both = splat(0.0)
    for place in range(at - 63, at + 1, LANES):
        change = load(columns[RETURN], place)
        fall = smaller(change, splat(0.0))
        falls += fall * fall
        both += change * change
    square = total(both)
    return total(falls) / square if square > 0.0 else 0.5


@kernel
def chaikin_volatility(columns: Buffer, at: int) -> float:
    """Growth of the smoothed range."""
    before = spans(columns[HIGH], columns[LOW], at, _EMA_10_BEFORE)
    return ratio(spans(columns[HIGH], columns[LOW], at, _EMA_10) - before, before)


@kernel
def write_volatility(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    close = columns[CLOSE]
    true_range = columns[TRUE_RANGE]
    mean, variance = relative_variance(close, at, _SMA_20)  # both less and over the newest close
    deviation = np.sqrt(variance)
    if deviation < BAND_DEVIATION_MIN:
        deviation = 0.0
    values[0] = ratio(true_range[at], atr)
    values[1] = 100.0 * atr / close[at]
    values[2] = ratio(weighted(true_range, at, _WILDER_7), weighted(true_range, at, _WILDER_21))
    values[3] = ratio(atr, weighted(true_range, at, _SMA_100))
    values[4] = 400.0 * (deviation / (1.0 + mean))
    values[5] = 50.0 + (25.0 * (-mean / deviation) if deviation > 0.0 else 0.0)
    values[6] = ratio(-offset(close, at, _EMA_20), 2.0 * weighted(true_range, at, _WILDER_10))
    values[7] = ratio(2.0 * deviation * close[at], 1.5 * weighted(true_range, at, _SMA_20))
    values[8] = ratio(highest(columns[HIGH], at, DONCHIAN_LENGTH) - lowest(columns[LOW], at, DONCHIAN_LENGTH), atr)
    values[9] = realised_ratio(columns, at, 16, 48)
    values[10] = realised_ratio(columns, at, 48, 192)
    values[11] = parkinson_to_close(columns, at)
    satchell = columns[ROGERS_SATCHELL]
    values[12] = np.sqrt(ratio(weighted(satchell, at, _SMA_20), weighted(satchell, at, _SMA_100)))
    values[13] = chaikin_volatility(columns, at)
    values[14] = downside_share(columns, at)
