"""Momentum: oscillators of how far and how steadily the price has moved.

Left out because another feature already is it: Williams %R 14 (the raw stochastic less 100), CMO (twice the
RSI of its length less 100), the MACD's signal line (line less histogram).
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels import filters
from feature_service.kernels.columns import (
    CLOSE,
    HIGH,
    LOW,
    RSI,
    RSI_14,
    TRUE_RANGE,
    WILDER_14,
    Buffer,
    place_in_range,
    relative_strength,
)
from feature_service.kernels.compile import kernel
from feature_service.kernels.filters import chained, combination, delayed, exponential, simple, wilder
from feature_service.kernels.windows import changes, highest, lowest, offset, ratio

WILDER_7 = wilder(7)
SLOW_K = simple(3)
SLOW_D = chained(simple(3), simple(3))
MACD = combination((1.0, exponential(12)), (-1.0, exponential(26)))
MACD_HISTOGRAM = combination((1.0, MACD), (-1.0, exponential(12, 9)), (1.0, exponential(26, 9)))
TRIPLE_15 = exponential(15, 15, 15)
TRIPLE_15_CHANGE = combination((1.0, TRIPLE_15), (-1.0, delayed(TRIPLE_15, 1)))
TSI_25_13 = exponential(25, 13)
STOCHASTIC_LENGTH = 14
WILLIAMS_LENGTH = 28
CCI_LENGTH = 20
CCI_DEVIATION_MIN = 1e-11  # of the price; below it the sums of three prices differ by rounding alone
ROC_LENGTH = 10
STOCHASTIC_RSI_RANGE_MIN = 1e-4  # RSI points; below it 14 candles of rounding, not of movement
ULTIMATE_LENGTHS = (7, 14, 28)

_WILDER_7 = filters.taps(WILDER_7)
_SLOW_K = np.array(combination((1.0, SLOW_K), (0.0, SLOW_D)))  # both newest first and of one length
_SLOW_D = np.array(SLOW_D)
_MACD = filters.taps(MACD)
_MACD_HISTOGRAM = filters.taps(MACD_HISTOGRAM)
_TRIPLE_15 = filters.taps(TRIPLE_15)
_TRIPLE_15_CHANGE = filters.taps(TRIPLE_15_CHANGE)
_TSI_25_13 = filters.taps(TSI_25_13)
_SHORT, _MIDDLE, _LONG = ULTIMATE_LENGTHS

_ATR_LOOKBACK = len(WILDER_14) + 1  # a true range needs the close before it
_RSI_LOOKBACK = len(RSI_14) + 1  # a change needs the close before it
_BARS = ("high", "low", "close")


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
    return Feature(name, "momentum", formula, inputs, unit, low, high, lookback, source)


FEATURES = (
    _entry(
        "rsi_7",
        "100 W(up) / (W(up) + W(down)), W Wilder's average of 7; 50 where nothing moved",
        ("close",),
        "percent",
        0.0,
        100.0,
        len(WILDER_7) + 1,
        "J. W. Wilder, 1978; TA-Lib RSI",
    ),
    _entry(
        "rsi_14",
        "100 W(up) / (W(up) + W(down)), W Wilder's average of 14; 50 where nothing moved",
        ("close",),
        "percent",
        0.0,
        100.0,
        _RSI_LOOKBACK,
        "J. W. Wilder, 1978; TA-Lib RSI",
    ),
    _entry(
        "stochastic_k_14_3",
        "SMA3 of K = 100 (close - lowest14) / (highest14 - lowest14); K = 50 where both are one",
        _BARS,
        "percent",
        0.0,
        100.0,
        STOCHASTIC_LENGTH + len(SLOW_K) - 1,
        "G. Lane; TA-Lib STOCH, slow K",
    ),
    _entry(
        "stochastic_d_14_3_3",
        "SMA3 of stochastic_k_14_3",
        _BARS,
        "percent",
        0.0,
        100.0,
        STOCHASTIC_LENGTH + len(SLOW_D) - 1,
        "G. Lane; TA-Lib STOCH, slow D",
    ),
    _entry(
        "stochastic_rsi_14",
        "100 (RSI14 - lowest14 of RSI14) / (highest14 - lowest14); 50 where they are within 1e-4",
        ("close",),
        "percent",
        0.0,
        100.0,
        _RSI_LOOKBACK + STOCHASTIC_LENGTH - 1,
        "T. Chande, S. Kroll, 1994; TA-Lib STOCHRSI, fast K",
    ),
    _entry(
        "williams_r_28",
        "-100 (highest28 - close) / (highest28 - lowest28); -50 where both are one",
        _BARS,
        "percent",
        -100.0,
        0.0,
        WILLIAMS_LENGTH,
        "L. Williams; TA-Lib WILLR",
    ),
    _entry(
        "cci_20",
        "(typical - SMA20) / (0.015 mean |typical - SMA20| over 20), typical = (high + low + close) / 3; "
        "0 where nothing moved",
        _BARS,
        "index",
        -667.0,  # 19 equal candles and one away from them give 20 / 0.03
        667.0,
        CCI_LENGTH,
        "D. Lambert, 1980; TA-Lib CCI",
    ),
    _entry(
        "roc_10",
        "close / close 10 candles ago - 1",
        ("close",),
        "ratio",
        -1.0,
        1.0,
        ROC_LENGTH + 1,
        "TA-Lib ROCP",
    ),
    _entry(
        "macd_12_26",
        "(EMA12(close) - EMA26(close)) / ATR14",
        _BARS,
        "ATR14",
        -20.0,
        20.0,
        max(len(MACD), _ATR_LOOKBACK),
        "G. Appel; TA-Lib MACD, ATR",
    ),
    _entry(
        "macd_histogram_12_26_9",
        "(MACD - EMA9(MACD)) / ATR14, MACD = EMA12(close) - EMA26(close)",
        _BARS,
        "ATR14",
        -10.0,
        10.0,
        max(len(MACD_HISTOGRAM), _ATR_LOOKBACK),
        "G. Appel; TA-Lib MACD, ATR",
    ),
    _entry(
        "trix_15",
        "100 (T / T one candle ago - 1), T = EMA15(EMA15(EMA15(close)))",
        ("close",),
        "percent",
        -10.0,
        10.0,
        len(TRIPLE_15_CHANGE),
        "J. Hutson, 1983; TA-Lib TRIX",
    ),
    _entry(
        "ultimate_oscillator_7_14_28",
        "100 (4 A7 + 2 A14 + A28) / 7, An = sum(close - min(low, close before)) / sum(true range) over n; "
        "An = 0.5 where nothing moved",
        _BARS,
        "percent",
        0.0,
        100.0,
        _LONG + 1,
        "L. Williams, 1985; TA-Lib ULTOSC",
    ),
    _entry(
        "tsi_25_13",
        "100 S(change) / S(|change|), S = EMA13(EMA25), change = close - close before; 0 where nothing moved",
        ("close",),
        "percent",
        -100.0,
        100.0,
        len(TSI_25_13) + 1,
        "W. Blau, 1991: true strength index",
    ),
)


@kernel
def relative_strength_index(columns: Buffer, at: int, taps: NDArray[np.float64]) -> float:
    """RSI under the given weights of changes."""
    up_less_down, up_and_down = changes(columns[CLOSE], at, taps)
    return relative_strength(up_less_down, up_and_down)


@kernel
def fast_stochastic(columns: Buffer, at: int) -> float:
    """Place of the close in its 14-candle range."""
    low = lowest(columns[LOW], at, STOCHASTIC_LENGTH)
    high = highest(columns[HIGH], at, STOCHASTIC_LENGTH)
    return place_in_range(columns[CLOSE, at], low, high)


@kernel
def slow_stochastic(columns: Buffer, at: int) -> tuple[float, float]:
    """Slow K and slow D, reckoned from the newest fast K so that equal ones cancel exactly."""
    newest = fast_stochastic(columns, at)
    slow_k = newest
    slow_d = newest
    for lag in range(1, _SLOW_D.size):
        rest = fast_stochastic(columns, at - lag) - newest
        slow_k += _SLOW_K[lag] * rest
        slow_d += _SLOW_D[lag] * rest
    return slow_k, slow_d


@kernel
def stochastic_rsi(columns: Buffer, at: int) -> float:
    """Place of the RSI in its 14-candle range."""
    low = lowest(columns[RSI], at, STOCHASTIC_LENGTH)
    high = highest(columns[RSI], at, STOCHASTIC_LENGTH)
    if high - low < STOCHASTIC_RSI_RANGE_MIN:
        return 50.0
    return place_in_range(columns[RSI, at], low, high)


@kernel
def commodity_channel(columns: Buffer, at: int) -> float:
    """CCI, reckoned from the newest typical price so that equal prices cancel exactly."""
    newest = columns[HIGH, at] + columns[LOW, at] + columns[CLOSE, at]
    mean = 0.0
    for place in range(at - CCI_LENGTH + 1, at + 1):
        mean += (columns[HIGH, place] + columns[LOW, place] + columns[CLOSE, place]) - newest
    mean /= CCI_LENGTH
    deviation = 0.0
    for place in range(at - CCI_LENGTH + 1, at + 1):
        typical = (columns[HIGH, place] + columns[LOW, place] + columns[CLOSE, place]) - newest
        deviation += abs(typical - mean)
    if deviation <= CCI_DEVIATION_MIN * newest:
        return 0.0
    return -mean / (0.015 * (deviation / CCI_LENGTH))


@kernel
def ultimate_oscillator(columns: Buffer, at: int) -> float:
    """Buying pressure in true ranges over 7, 14 and 28 candles."""
    pressure = 0.0
    span = 0.0
    index = 0.0
    for lag in range(_LONG):
        place = at - lag
        pressure += columns[CLOSE, place] - min(columns[LOW, place], columns[CLOSE, place - 1])
        span += columns[TRUE_RANGE, place]
        if lag + 1 in ULTIMATE_LENGTHS:
            share = pressure / span if span > 0.0 else 0.5
            index += share * (_LONG / (lag + 1))
    return 100.0 * (index / 7.0)


@kernel
def write_momentum(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    close = columns[CLOSE]
    values[0] = relative_strength_index(columns, at, _WILDER_7)
    values[1] = columns[RSI, at]
    values[2], values[3] = slow_stochastic(columns, at)
    values[4] = stochastic_rsi(columns, at)
    low = lowest(columns[LOW], at, WILLIAMS_LENGTH)
    high = highest(columns[HIGH], at, WILLIAMS_LENGTH)
    values[5] = place_in_range(close[at], low, high) - 100.0
    values[6] = commodity_channel(columns, at)
    values[7] = (close[at] - close[at - ROC_LENGTH]) / close[at - ROC_LENGTH]
    values[8] = ratio(offset(close, at, _MACD), atr)
    values[9] = ratio(offset(close, at, _MACD_HISTOGRAM), atr)
    change = offset(close, at, _TRIPLE_15_CHANGE)
    values[10] = 100.0 * (change / (close[at] + offset(close, at, _TRIPLE_15) - change))
    signed, sized = changes(close, at, _TSI_25_13)
    values[11] = ultimate_oscillator(columns, at)
    values[12] = 100.0 * ratio(signed, sized)
