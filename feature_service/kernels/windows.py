"""Sums, highs and lows over the newest candles of a column.

``at`` is the newest candle. Nothing checks the bounds: a column holds ``REACH`` candles up to any asked for.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.kernels.compile import kernel
from feature_service.kernels.lanes import (
    LANES,
    Column,
    larger,
    largest,
    load,
    smaller,
    smallest,
    splat,
    total,
)

Taps = NDArray[np.float64]  # (a multiple of 16,), oldest first: see filters.taps

ROUNDING = 1e-12
"""Of a price: two prices closer than this are the same, whatever they are counted in."""


@kernel
def above(price: float, other: float) -> bool:
    """Whether a price is above another by more than rounding."""
    return price - other > ROUNDING * other


@kernel
def weighted(column: Column, at: int, taps: Taps) -> float:
    """Sum of taps times values."""
    start = at - taps.size + 1
    even = splat(0.0)
    odd = splat(0.0)
    for tap in range(0, taps.size, 2 * LANES):
        even += load(taps, tap) * load(column, start + tap)
        odd += load(taps, tap + LANES) * load(column, start + tap + LANES)
    return total(even + odd)


@kernel
def offset(column: Column, at: int, taps: Taps) -> float:
    """Sum of taps times values less the newest: an average seen from the newest value.

    Exactly 0 where nothing moved, and free of the cancellation that a difference of two averages has.
    """
    start = at - taps.size + 1
    newest = splat(column[at])
    even = splat(0.0)
    odd = splat(0.0)
    for tap in range(0, taps.size, 2 * LANES):
        even += load(taps, tap) * (load(column, start + tap) - newest)
        odd += load(taps, tap + LANES) * (load(column, start + tap + LANES) - newest)
    return total(even + odd)


@kernel
def changes(column: Column, at: int, taps: Taps) -> tuple[float, float]:
    """Sum of taps times changes from value to value, and of taps times their sizes; reads one value more."""
    start = at - taps.size + 1
    signed = splat(0.0)
    sized = splat(0.0)
    signed_odd = splat(0.0)
    sized_odd = splat(0.0)
    for tap in range(0, taps.size, 2 * LANES):
        change = load(column, start + tap) - load(column, start + tap - 1)
        signed += load(taps, tap) * change
        sized += load(taps, tap) * abs(change)
        change = load(column, start + tap + LANES) - load(column, start + tap + LANES - 1)
        signed_odd += load(taps, tap + LANES) * change
        sized_odd += load(taps, tap + LANES) * abs(change)
    return total(signed + signed_odd), total(sized + sized_odd)


@kernel
def change_products(column: Column, other: Column, at: int, taps: Taps) -> tuple[float, float]:
    """Sum of taps times changes times the other column's values, and of taps times those values alone."""
    start = at - taps.size + 1
    products = splat(0.0)
    values = splat(0.0)
    for tap in range(0, taps.size, LANES):
        change = load(column, start + tap) - load(column, start + tap - 1)
        value = load(taps, tap) * load(other, start + tap)
        products += value * change
        values += value
    return total(products), total(values)


@kernel
def signed_parts(column: Column, at: int, taps: Taps) -> tuple[float, float]:
    """Sum of taps times values, and of taps times their sizes."""
    start = at - taps.size + 1
    signed = splat(0.0)
    sized = splat(0.0)
    signed_odd = splat(0.0)
    sized_odd = splat(0.0)
    for tap in range(0, taps.size, 2 * LANES):
        value = load(column, start + tap)
        signed += load(taps, tap) * value
        sized += load(taps, tap) * abs(value)
        value = load(column, start + tap + LANES)
        signed_odd += load(taps, tap + LANES) * value
        sized_odd += load(taps, tap + LANES) * abs(value)
    return total(signed + signed_odd), total(sized + sized_odd)


@kernel
def spans(high: Column, low: Column, at: int, taps: Taps) -> float:
    """Sum of taps times high less low."""
    start = at - taps.size + 1
    found = splat(0.0)
    for tap in range(0, taps.size, LANES):
        found += load(taps, tap) * (load(high, start + tap) - load(low, start + tap))
    return total(found)


@kernel
def highest(column: Column, at: int, length: int) -> float:
    """Largest of the newest ``length`` >= 8 values."""
    found = load(column, at - LANES + 1)
    for start in range(at - length + 1, at - LANES + 1, LANES):
        found = larger(found, load(column, start))
    return largest(found)


@kernel
def lowest(column: Column, at: int, length: int) -> float:
    """Smallest of the newest ``length`` >= 8 values."""
    found = load(column, at - LANES + 1)
    for start in range(at - length + 1, at - LANES + 1, LANES):
        found = smaller(found, load(column, start))
    return smallest(found)


@kernel
def ratio(part: float, whole: float) -> float:
    """``part / whole``, and 0 where there is nothing to divide; infinite where only ``whole`` is 0."""
    if part == 0.0:
        return 0.0
    return part / whole
