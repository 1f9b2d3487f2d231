"""Trend strength: how far the price goes one way, whichever way that is."""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels import filters
from feature_service.kernels.columns import (
    CLOSE,
    DIRECTIONAL_INDEX,
    DIRECTIONAL_MOVE,
    HIGH,
    LOW,
    WILDER_14,
    Buffer,
)
from feature_service.kernels.compile import kernel
from feature_service.kernels.moments import relative_variance
from feature_service.kernels.windows import (
    above,
    changes,
    highest,
    lowest,
    offset,
    ratio,
    signed_parts,
    weighted,
)

AROON_LENGTH = 25
EFFICIENCY_20 = filters.simple(20)
REGRESSION_LENGTH = 48
REGRESSION_SHARE_MIN = 1e-20  # of the price squared; below it closes differ by rounding alone

_WILDER_14 = filters.taps(WILDER_14)
_EFFICIENCY_20 = filters.taps(EFFICIENCY_20)
_SMA_48 = filters.taps(filters.simple(REGRESSION_LENGTH))
_TIME_DEVIATION = ((REGRESSION_LENGTH**2 - 1) / 12) ** 0.5
_TIME_48 = filters.taps(
    [((REGRESSION_LENGTH - 1) / 2 - lag) / (_TIME_DEVIATION * REGRESSION_LENGTH) for lag in range(REGRESSION_LENGTH)]
)

_INDEX_LOOKBACK = len(WILDER_14) + 1  # a directional move needs the candle before it
_BARS = ("high", "low", "close")


def _entry(
    name: str, formula: str, inputs: tuple[str, ...], low: float, high: float, lookback: int, source: str
) -> Feature:
    return Feature(name, "trend_strength", formula, inputs, "percent", low, high, lookback, source)


FEATURES = (
    _entry(
        "adx_14",
        "W(DX), DX = 100 |W(+DM) - W(-DM)| / (W(+DM) + W(-DM)), W Wilder's average of 14; DX = 0 where neither moved",
        ("high", "low"),
        0.0,
        100.0,
        len(WILDER_14) + _INDEX_LOOKBACK - 1,
        "J. W. Wilder, 1978; TA-Lib ADX",
    ),
    _entry(
        "plus_di_14",
        "100 W(+DM) / ATR14, W Wilder's average of 14",
        _BARS,
        0.0,
        100.0,
        _INDEX_LOOKBACK,
        "J. W. Wilder, 1978; TA-Lib PLUS_DI",
    ),
    _entry(
        "minus_di_14",
        "100 W(-DM) / ATR14, W Wilder's average of 14",
        _BARS,
        0.0,
        100.0,
        _INDEX_LOOKBACK,
        "J. W. Wilder, 1978; TA-Lib MINUS_DI",
    ),
    _entry(
        "aroon_oscillator_25",
        "100 (candles since the lowest low - candles since the highest high) / 25, among the newest 26",
        ("high", "low"),
        -100.0,
        100.0,
        AROON_LENGTH + 1,
        "T. Chande, 1995; TA-Lib AROONOSC",
    ),
    _entry(
        "efficiency_20",
        "100 |close - close 20 before| / sum |close - close before| over 20; 0 where nothing moved",
        ("close",),
        0.0,
        100.0,
        len(EFFICIENCY_20) + 1,
        "P. Kaufman, 1995: efficiency ratio",
    ),
    _entry(
        "regression_r2_48",
        "100 (correlation of close and time over 48)^2; 0 where nothing moved",
        ("close",),
        0.0,
        100.0,
        REGRESSION_LENGTH,
        "coefficient of determination; TA-Lib CORREL",
    ),
)


@kernel
def aroon_oscillator(columns: Buffer, at: int) -> float:
    """Newest highest high against newest lowest low."""
    high = highest(columns[HIGH], at, AROON_LENGTH + 1)
    low = lowest(columns[LOW], at, AROON_LENGTH + 1)
    top = bottom = at
    while above(high, columns[HIGH, top]):
        top -= 1
    while above(columns[LOW, bottom], low):
        bottom -= 1
    return 100.0 * (top - bottom) / AROON_LENGTH


@kernel
def regression_r2(close: NDArray[np.float64], at: int) -> float:
    """Share of the closes' variance that a line explains."""
    _, variance = relative_variance(close, at, _SMA_48)
    if variance <= REGRESSION_SHARE_MIN:
        return 0.0
    slope = offset(close, at, _TIME_48) / float(close[at])
    return min(slope * slope / variance, 1.0)


@kernel
def write_trend_strength(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    plus_less_minus, plus_and_minus = signed_parts(columns[DIRECTIONAL_MOVE], at, _WILDER_14)
    net, path = changes(columns[CLOSE], at, _EFFICIENCY_20)
    values[0] = weighted(columns[DIRECTIONAL_INDEX], at, _WILDER_14)
    values[1] = 50.0 * ratio(plus_and_minus + plus_less_minus, atr)
    values[2] = 50.0 * ratio(plus_and_minus - plus_less_minus, atr)
    values[3] = aroon_oscillator(columns, at)
    values[4] = 100.0 * ratio(abs(net), path)
    values[5] = 100.0 * regression_r2(columns[CLOSE], at)
