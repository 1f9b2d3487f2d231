"""What a series keeps of each candle: its five numbers and what indicators need more than once.

A buffer is (COLUMNS, T) float64, a column contiguous and ascending in time. A derived column is a function
of its candle and some before it, computed once, when the candle comes.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.kernels import filters
from feature_service.kernels.compile import kernel
from feature_service.kernels.windows import changes, highest, lowest

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
TRUE_RANGE = 5  # of the candle and the close before it, in price
STOCHASTIC = 6  # place of the close in the 14-candle range, 0 to 100
RSI = 7  # Wilder's, 14 candles, 0 to 100
COLUMNS = 8

REACH = 512
"""Candles that a kernel may read back, its own included: no feature's lookback is longer."""

STOCHASTIC_LENGTH = 14
WILDER_14 = filters.wilder(14)
RSI_14 = filters.wilder(14, rest_max=1e-10)  # finer: the stochastic RSI divides by the RSI's own small range

_RSI_14 = filters.taps(RSI_14)
_RSI_READS = _RSI_14.size + 1
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
    for at in range(end):
        columns[OPEN, at] = columns[HIGH, at] = columns[LOW, at] = columns[CLOSE, at] = price
        columns[VOLUME, at] = columns[TRUE_RANGE, at] = 0.0
        columns[STOCHASTIC, at] = columns[RSI, at] = _NEUTRAL


@kernel
def put_candle(columns: Buffer, at: int, candle: NDArray[np.float64]) -> None:
    """Write a candle (6,): t, o, h, l, c, v, of which t is passed over."""
    for column in range(VOLUME + 1):
        columns[column, at] = candle[column + 1]


@kernel
def derive(columns: Buffer, at: int) -> None:
    """Compute the derived columns of the candle at ``at`` >= 1.

    Close to a buffer's front, where a column's own window would begin before it, the column is neutral: no
    row is made so close to it that it would read this.
    """
    close = columns[CLOSE]
    before = close[at - 1]
    columns[TRUE_RANGE, at] = max(columns[HIGH, at], before) - min(columns[LOW, at], before)
    columns[STOCHASTIC, at] = _NEUTRAL
    columns[RSI, at] = _NEUTRAL
    if at >= STOCHASTIC_LENGTH:
        low = lowest(columns[LOW], at, STOCHASTIC_LENGTH)
        high = highest(columns[HIGH], at, STOCHASTIC_LENGTH)
        columns[STOCHASTIC, at] = place_in_range(close[at], low, high)
    if at >= _RSI_READS:
        up_less_down, up_and_down = changes(close, at, _RSI_14)
        columns[RSI, at] = relative_strength(up_less_down, up_and_down)
