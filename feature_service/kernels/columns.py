"""What a series keeps of each candle: its five numbers and what indicators need more than once.

A buffer is (COLUMNS, T) float64, a column contiguous and ascending in time. A derived column is a function
of its candle and some before it, computed once, when the candle comes.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.kernels import filters
from feature_service.kernels.compile import kernel
from feature_service.kernels.elementary import log_ratio
from feature_service.kernels.swings import NO_SWING, SWING_READS, swing_high, swing_low
from feature_service.kernels.windows import ROUNDING, changes, ratio, signed_parts

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
TRUE_RANGE = 5  # of the candle and the close before it, in price
RSI = 6  # Wilder's, 14 candles, 0 to 100
DIRECTIONAL_MOVE = 7  # Wilder's +DM, or -DM with a minus sign, in price; at most one of them is not 0
DIRECTIONAL_INDEX = 8  # Wilder's DX, 14 candles, 0 to 100
RETURN = 9  # log(close / close before)
PARKINSON = 10  # log(high / low) squared
ROGERS_SATCHELL = 11  # log(h/c) log(h/o) + log(l/c) log(l/o)
SWING_HIGH = 12  # price of the newest swing high that is confirmed, or NO_SWING
SWING_LOW = 13  # price of the newest swing low that is confirmed, or NO_SWING
COLUMNS = 14

REACH = 504
"""Candles that a kernel may read back, its own included: no feature's lookback is longer."""

WILDER_14 = filters.wilder(14)
RSI_14 = filters.wilder(14, rest_max=1e-10)  # finer: the stochastic RSI divides by the RSI's own small range

_WILDER_14 = filters.taps(WILDER_14)
_RSI_14 = filters.taps(RSI_14)
_RSI_READS = _RSI_14.size + 1
_INDEX_READS = _WILDER_14.size
_NEUTRAL = 50.0

Buffer = NDArray[np.float64]  # (COLUMNS, T)


@kernel
def relative_strength(up_less_down: float, up_and_down: float) -> float:
    """Share of the ways up in all ways, 0 to 100; 50 where the price did not move."""
    if up_and_down == 0.0:
        return _NEUTRAL
    return _NEUTRAL + _NEUTRAL * (up_less_down / up_and_down)


@kernel
def place_in_range(value: float, low: float, high: float) -> float:
    """Place of a value between two bounds, 0 to 100; 50 where they are one."""
    if high == low:
        return _NEUTRAL
    return 100.0 * ((value - low) / (high - low))


@kernel
def fill_flat(columns: Buffer, end: int, price: float) -> None:
    """Fill the candles before ``end`` as if the price had stood still and nothing was traded."""
    for column in range(VOLUME, COLUMNS):
        columns[column, :end] = 0.0
    for at in range(end):
        columns[OPEN, at] = columns[HIGH, at] = columns[LOW, at] = columns[CLOSE, at] = price
        columns[RSI, at] = _NEUTRAL


@kernel
def put_candle(columns: Buffer, at: int, candle: NDArray[np.float64]) -> None:
    """Write a candle (6,): t, o, h, l, c, v, of which t is passed over."""
    for column in range(VOLUME + 1):
        columns[column, at] = candle[column + 1]


@kernel
def derive_ranges(columns: Buffer, at: int) -> None:
    """Compute what the candle's own four prices say of its volatility."""
    opened = columns[OPEN, at]
    up = log_ratio(columns[HIGH, at], opened)
    down = log_ratio(columns[LOW, at], opened)
    body = log_ratio(columns[CLOSE, at], opened)
    columns[PARKINSON, at] = (up - down) * (up - down)
    columns[ROGERS_SATCHELL, at] = up * (up - body) + down * (down - body)


@kernel
def directional_move(columns: Buffer, at: int) -> float:
    """Wilder's +DM, or -DM with a minus sign; 0 where neither side went further than the other."""
    up = float(columns[HIGH, at] - columns[HIGH, at - 1])
    down = float(columns[LOW, at - 1] - columns[LOW, at])
    rounding = ROUNDING * columns[CLOSE, at]
    if up > 0.0 and up - down > rounding:
        return up
    if down > 0.0 and down - up > rounding:
        return -down
    return 0.0


@kernel
def derive(columns: Buffer, at: int) -> None:
    """Compute the derived columns of the candle at ``at`` >= 1.

    Close to a buffer's front, where a column's own window would begin before it, the column is neutral: no
    row is made so close to it that it would read this.
    """
    close = columns[CLOSE]
    before = close[at - 1]
    columns[TRUE_RANGE, at] = max(columns[HIGH, at], before) - min(columns[LOW, at], before)
    columns[RETURN, at] = log_ratio(close[at], before)
    derive_ranges(columns, at)
    columns[DIRECTIONAL_MOVE, at] = directional_move(columns, at)
    columns[RSI, at] = _NEUTRAL
    columns[DIRECTIONAL_INDEX, at] = 0.0
    columns[SWING_HIGH, at] = columns[SWING_LOW, at] = NO_SWING
    if at >= SWING_READS:
        columns[SWING_HIGH, at] = swing_high(columns[HIGH], at)
        columns[SWING_LOW, at] = swing_low(columns[LOW], at)
    if at >= _INDEX_READS - 1:
        plus_less_minus, plus_and_minus = signed_parts(columns[DIRECTIONAL_MOVE], at, _WILDER_14)
        columns[DIRECTIONAL_INDEX, at] = 100.0 * ratio(abs(plus_less_minus), plus_and_minus)
    if at >= _RSI_READS:
        up_less_down, up_and_down = changes(close, at, _RSI_14)
        columns[RSI, at] = relative_strength(up_less_down, up_and_down)
