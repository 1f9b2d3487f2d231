"""Smart money: breaks of structure, order blocks, gaps in value and sweeps, all told by candles already seen.

What a chart draws afterwards is here a number known at the close: a swing counts once three later candles
have confirmed it, a break at the candle that closes beyond it.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels.columns import CLOSE, HIGH, LOW, OPEN, SWING_HIGH, SWING_LOW, WILDER_14, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.swings import SWING_READS
from feature_service.kernels.windows import above, ratio

STRUCTURE_SPAN = 96
BLOCK_SPAN = 64
BLOCK_DEPTH = 6
IMPULSE_MIN = 1.0  # ATR14; a body from here on is an impulse
GAP_SPAN = 64
SWEEP_SPAN = 16
DISPLACEMENT_SPAN = 8

_ATR_LOOKBACK = len(WILDER_14) + 1
_BARS = ("high", "low", "close")
_ALL_BARS = ("open", "high", "low", "close")
_FRESH = "d (1 - age / 96), d = 1 up or -1 down, of the newest break of 96 candles"
_BREAK = "a break is the first close beyond the newest confirmed swing"
_CONCEPT = "smart money concepts (M. Huddleston)"


def _entry(
    name: str, formula: str, inputs: tuple[str, ...], unit: str, low: float, high: float, lookback: int
) -> Feature:
    return Feature(name, "smart_money", formula, inputs, unit, low, high, lookback, _CONCEPT)


FEATURES = (
    _entry(
        "break_of_structure",
        f"{_FRESH}, where the one before it went the same way; else 0; {_BREAK}",
        _BARS,
        "share",
        -1.0,
        1.0,
        STRUCTURE_SPAN + SWING_READS,
    ),
    _entry(
        "change_of_character",
        f"{_FRESH}, where the one before it went the other way; else 0; {_BREAK}",
        _BARS,
        "share",
        -1.0,
        1.0,
        STRUCTURE_SPAN + SWING_READS,
    ),
    _entry(
        "order_block_distance",
        "(close - middle of the block) / ATR14, the block the last candle of the other colour, within 6, before "
        "the newest body of an ATR14 or more within 64; 0 where there is none",
        _ALL_BARS,
        "ATR14",
        -50.0,
        50.0,
        _ATR_LOOKBACK,
    ),
    _entry(
        "fair_value_gap",
        "(close - far edge) / ATR14 of the newest gap between a candle's low and the high two before it (or its "
        "high and the low two before) within 64 that later candles have not filled; 0 where there is none",
        _BARS,
        "ATR14",
        -50.0,
        50.0,
        _ATR_LOOKBACK,
    ),
    _entry(
        "liquidity_sweep",
        "(1 - age / 16) depth / ATR14 of the newest candle within 16 that went beyond the newest confirmed swing "
        "and closed back: above 0 for a sweep of a low; 0 where there is none",
        _BARS,
        "ATR14",
        -14.0,
        14.0,
        _ATR_LOOKBACK,
    ),
    _entry(
        "displacement_8",
        "the largest body of 8 candles, with its sign, in ATR14",
        _ALL_BARS,
        "ATR14",
        -20.0,
        20.0,
        _ATR_LOOKBACK,
    ),
)


@kernel
def broken(columns: Buffer, at: int) -> int:
    """1 where the candle is the first to close above the newest swing high, -1 below the low, else 0."""
    newest, before = columns[CLOSE, at], columns[CLOSE, at - 1]
    high, low = columns[SWING_HIGH, at - 1], columns[SWING_LOW, at - 1]
    # Without a branch: a processor guesses each of these comparisons wrong too often.
    rose = above(newest, high) & (not above(before, high))
    fell = above(low, newest) & (not above(low, before))
    return int(rose) - int(fell)


@kernel
def structure(columns: Buffer, at: int) -> tuple[float, float]:
    """Break of structure and change of character."""
    way = 0
    fresh = 0.0
    for age in range(STRUCTURE_SPAN):
        found = broken(columns, at - age)
        if found != 0:
            if way == 0:
                way = found
                fresh = found * (1.0 - age / STRUCTURE_SPAN)
            elif way == found:
                return fresh, 0.0
            else:
                return 0.0, fresh
    return 0.0, 0.0


@kernel
def order_block_offset(columns: Buffer, at: int, impulse: float) -> float:
    """Close less the middle of the newest order block."""
    close, opened = columns[CLOSE], columns[OPEN]
    for place in range(at, at - BLOCK_SPAN, -1):
        body = close[place] - opened[place]
        if abs(body) >= impulse and body != 0.0:
            for block in range(place - 1, place - 1 - BLOCK_DEPTH, -1):
                if (close[block] - opened[block]) * body < 0.0:
                    return 0.5 * float((close[at] - columns[HIGH, block]) + (close[at] - columns[LOW, block]))
            return 0.0
    return 0.0


@kernel
def fair_value_gap_offset(columns: Buffer, at: int) -> float:
    """Close less the far edge of the newest gap that is not filled."""
    high, low = columns[HIGH], columns[LOW]
    lowest_since = low[at]
    highest_since = high[at]
    for place in range(at, at - GAP_SPAN, -1):
        lowest_since = min(lowest_since, low[place])
        highest_since = max(highest_since, high[place])
        if above(lowest_since, high[place - 2]):
            return float(columns[CLOSE, at] - high[place - 2])
        if above(low[place - 2], highest_since):
            return float(columns[CLOSE, at] - low[place - 2])
    return 0.0


@kernel
def sweep(columns: Buffer, at: int) -> float:
    """Depth of the newest sweep, less for its age; above 0 for a sweep of a low."""
    for age in range(SWEEP_SPAN):
        place = at - age
        top, bottom = columns[SWING_HIGH, place - 1], columns[SWING_LOW, place - 1]
        close = columns[CLOSE, place]
        over = columns[HIGH, place] - top if above(columns[HIGH, place], top) and not above(close, top) else 0.0
        under = bottom - columns[LOW, place] if above(bottom, columns[LOW, place]) and not above(bottom, close) else 0.0
        if over > 0.0 or under > 0.0:
            return (under - over) * (1.0 - age / SWEEP_SPAN)
    return 0.0


@kernel
def displacement(columns: Buffer, at: int) -> float:
    """Largest body, with its sign; the newest of equal ones."""
    largest = 0.0
    for place in range(at, at - DISPLACEMENT_SPAN, -1):
        body = columns[CLOSE, place] - columns[OPEN, place]
        if abs(body) > abs(largest) * (1.0 + 1e-9):
            largest = body
    return largest


@kernel
def write_smart_money(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    values[0], values[1] = structure(columns, at)
    values[2] = ratio(order_block_offset(columns, at, IMPULSE_MIN * atr), atr)
    values[3] = ratio(fair_value_gap_offset(columns, at), atr)
    values[4] = ratio(sweep(columns, at), atr)
    values[5] = ratio(displacement(columns, at), atr)
