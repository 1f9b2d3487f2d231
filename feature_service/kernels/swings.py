"""Swing highs and lows: turning points that later candles, already seen, have confirmed.

A swing high stands above the three candles after it and not below the three before it; so it is known three
candles later, and never changes.
"""

from feature_service.kernels.compile import kernel
from feature_service.kernels.lanes import Column
from feature_service.kernels.windows import above

SWING_WIDTH = 3
"""Candles on each side."""

SWING_SPAN = 64
"""Candles among which the newest swing is looked for."""

SWING_READS = SWING_SPAN + 2 * SWING_WIDTH

NO_SWING = 0.0
"""Below every price: nothing breaks a low of 0 or comes from under a high of 0."""


@kernel
def is_swing_high(high: Column, at: int) -> bool:
    """Whether the candle at ``at`` is one; reads three candles after it."""
    value = high[at]
    return (
        above(value, high[at + 1])
        and above(value, high[at + 2])
        and above(value, high[at + 3])
        and not above(high[at - 1], value)
        and not above(high[at - 2], value)
        and not above(high[at - 3], value)
    )


@kernel
def is_swing_low(low: Column, at: int) -> bool:
    """Whether the candle at ``at`` is one; reads three candles after it."""
    value = low[at]
    return (
        above(low[at + 1], value)
        and above(low[at + 2], value)
        and above(low[at + 3], value)
        and not above(value, low[at - 1])
        and not above(value, low[at - 2])
        and not above(value, low[at - 3])
    )


@kernel
def swing_high(high: Column, at: int) -> float:
    """Price of the newest swing high known at ``at``; NO_SWING where there is none."""
    newest = at - SWING_WIDTH
    for place in range(newest, newest - SWING_SPAN, -1):
        if is_swing_high(high, place):
            return float(high[place])
    return NO_SWING


@kernel
def swing_low(low: Column, at: int) -> float:
    """Price of the newest swing low known at ``at``; NO_SWING where there is none."""
    newest = at - SWING_WIDTH
    for place in range(newest, newest - SWING_SPAN, -1):
        if is_swing_low(low, place):
            return float(low[place])
    return NO_SWING
