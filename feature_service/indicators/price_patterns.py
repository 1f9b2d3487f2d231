"""Price patterns: the shape of the newest candle and how it stands to the ones before it, as degrees.

A named pattern is yes or no on a threshold; these are the quantities that its definition cuts.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels.columns import CLOSE, HIGH, LOW, OPEN, WILDER_14, Buffer, place_in_range
from feature_service.kernels.compile import kernel
from feature_service.kernels.windows import above, ratio

RUN_SPAN = 16
PLACE_LENGTH = 3

_ATR_LOOKBACK = len(WILDER_14) + 1
_BARS = ("open", "high", "low", "close")


def _entry(name: str, formula: str, unit: str, low: float, high: float, lookback: int, source: str) -> Feature:
    return Feature(name, "price_pattern", formula, _BARS, unit, low, high, lookback, source)


FEATURES = (
    _entry(
        "body",
        "(close - open) / (high - low); 0 where the candle is a point",
        "share",
        -1.0,
        1.0,
        1,
        "S. Nison, 1991; TA-Lib BOP",
    ),
    _entry(
        "upper_wick",
        "(high - max(open, close)) / ATR14",
        "ATR14",
        0.0,
        14.0,
        _ATR_LOOKBACK,
        "S. Nison, 1991: star",
    ),
    _entry(
        "lower_wick",
        "(min(open, close) - low) / ATR14",
        "ATR14",
        0.0,
        14.0,
        _ATR_LOOKBACK,
        "S. Nison, 1991: hammer",
    ),
    _entry("gap", "(open - close before) / ATR14", "ATR14", -14.0, 14.0, _ATR_LOOKBACK, "S. Nison, 1991: window"),
    _entry(
        "range_overlap",
        "length that both this and the candle before cover / length that either covers; 1 where both are one point",
        "share",
        0.0,
        1.0,
        2,
        "inside and outside bars: L. Williams",
    ),
    _entry(
        "engulfing",
        "body / (|body| + |body before|), body = close - open; 0 where both are 0",
        "share",
        -1.0,
        1.0,
        2,
        "S. Nison, 1991: engulfing, harami",
    ),
    _entry(
        "run_move",
        "(close - close at the start of the run) / ATR14, the run of closes that rose, or fell, one after "
        "another, of at most 16",
        "ATR14",
        -50.0,
        50.0,
        _ATR_LOOKBACK,
        "three soldiers, three crows",
    ),
    _entry(
        "place_in_three",
        "100 (close - lowest3) / (highest3 - lowest3); 50 where both are one",
        "percent",
        0.0,
        100.0,
        PLACE_LENGTH,
        "three-bar reversal; TA-Lib WILLR",
    ),
)


@kernel
def overlap(columns: Buffer, at: int) -> float:
    """Share of the two newest ranges that both cover."""
    high, low = columns[HIGH], columns[LOW]
    both = min(high[at], high[at - 1]) - max(low[at], low[at - 1])
    either = max(high[at], high[at - 1]) - min(low[at], low[at - 1])
    return max(both, 0.0) / either if either > 0.0 else 1.0


@kernel
def run_start(close: NDArray[np.float64], at: int) -> int:
    """Place of the close before the newest run began."""
    start = at - 1
    if above(close[at], close[at - 1]):
        while start > at - RUN_SPAN and above(close[start], close[start - 1]):
            start -= 1
    elif above(close[at - 1], close[at]):
        while start > at - RUN_SPAN and above(close[start - 1], close[start]):
            start -= 1
    return start


@kernel
def place_in_three(columns: Buffer, at: int) -> float:
    """Place of the close in the range of three candles."""
    high = max(columns[HIGH, at], columns[HIGH, at - 1], columns[HIGH, at - 2])
    low = min(columns[LOW, at], columns[LOW, at - 1], columns[LOW, at - 2])
    return place_in_range(columns[CLOSE, at], low, high)


@kernel
def write_price_patterns(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    close = columns[CLOSE]
    opened, high, low = columns[OPEN, at], columns[HIGH, at], columns[LOW, at]
    body = close[at] - opened
    body_before = close[at - 1] - columns[OPEN, at - 1]
    values[0] = ratio(body, high - low)
    values[1] = ratio(high - max(opened, close[at]), atr)
    values[2] = ratio(min(opened, close[at]) - low, atr)
    values[3] = ratio(opened - close[at - 1], atr)
    values[4] = overlap(columns, at)
    values[5] = ratio(body, abs(body) + abs(body_before))
    values[6] = ratio(close[at] - close[run_start(close, at)], atr)
    values[7] = place_in_three(columns, at)
