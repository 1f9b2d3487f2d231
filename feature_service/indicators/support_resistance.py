"""Support and resistance: how far the price is from where it turned, and from the ends of its range."""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels.columns import CLOSE, HIGH, LOW, SWING_HIGH, SWING_LOW, WILDER_14, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.swings import NO_SWING, SWING_READS, SWING_SPAN
from feature_service.kernels.windows import highest, lowest, ratio

RANGE_LENGTH = 192

_ATR_LOOKBACK = len(WILDER_14) + 1
_BARS = ("high", "low", "close")
_SWING = "stands out among the 3 candles on each side, the newest of 64; the {0} of 64 where none does"


def _entry(name: str, formula: str, low: float, high: float, reads: int, source: str) -> Feature:
    return Feature(name, "support_resistance", formula, _BARS, "ATR14", low, high, max(reads, _ATR_LOOKBACK), source)


FEATURES = (
    _entry(
        "swing_high_distance",
        f"(swing high - close) / ATR14; a high that {_SWING.format('highest')}",
        -100.0,
        100.0,
        SWING_READS,
        "swing points: W. D. Gann; TA-Lib ATR",
    ),
    _entry(
        "swing_low_distance",
        f"(close - swing low) / ATR14; a low that {_SWING.format('lowest')}",
        -100.0,
        100.0,
        SWING_READS,
        "swing points: W. D. Gann; TA-Lib ATR",
    ),
    _entry(
        "resistance_192_distance",
        "(highest192 - close) / ATR14",
        0.0,
        200.0,
        RANGE_LENGTH,
        "ends of the range; TA-Lib MAX, ATR",
    ),
    _entry(
        "support_192_distance",
        "(close - lowest192) / ATR14",
        0.0,
        200.0,
        RANGE_LENGTH,
        "ends of the range; TA-Lib MIN, ATR",
    ),
)


@kernel
def write_support_resistance(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    close = columns[CLOSE, at]
    top, bottom = columns[SWING_HIGH, at], columns[SWING_LOW, at]
    if top == NO_SWING:
        top = highest(columns[HIGH], at, SWING_SPAN)
    if bottom == NO_SWING:
        bottom = lowest(columns[LOW], at, SWING_SPAN)
    values[0] = ratio(top - close, atr)
    values[1] = ratio(close - bottom, atr)
    values[2] = ratio(highest(columns[HIGH], at, RANGE_LENGTH) - close, atr)
    values[3] = ratio(close - lowest(columns[LOW], at, RANGE_LENGTH), atr)
