"""Sums of squares and products over the newest values of a column.

Windows whose length is a multiple of 16 read nothing older: a square may overflow, and zero times infinity
is no number.
"""

import math

from feature_service.kernels.compile import kernel
from feature_service.kernels.lanes import LANES, Column, load, splat, total
from feature_service.kernels.windows import Taps


@kernel
def power(column: Column, at: int, length: int) -> float:
    """Sum of the squares of the newest values; the length is a multiple of 16."""
    start = at - length + 1
    even = splat(0.0)
    odd = splat(0.0)
    for place in range(start, start + length, 2 * LANES):
        left = load(column, place)
        right = load(column, place + LANES)
        even += left * left
        odd += right * right
    return total(even + odd)


@kernel
def lagged_product(column: Column, at: int, length: int, lag: int) -> float:
    """Sum of each of the newest values times the one ``lag`` before it; the length is a multiple of 16."""
    start = at - length + 1
    even = splat(0.0)
    odd = splat(0.0)
    for place in range(start, start + length, 2 * LANES):
        even += load(column, place) * load(column, place - lag)
        odd += load(column, place + LANES) * load(column, place + LANES - lag)
    return total(even + odd)


@kernel
def central_moments(column: Column, at: int, length: int) -> tuple[float, float, float, float]:
    """Mean, and the mean square, cube and fourth power of what is left of it; length a multiple of 16.

    Reckoned from the newest value, so that equal values leave exactly nothing.
    """
    start = at - length + 1
    newest = splat(column[at])
    first = splat(0.0)
    for place in range(start, start + length, LANES):
        first += load(column, place) - newest
    mean = total(first) / length + column[at]
    center = splat(mean)
    second = splat(0.0)
    third = splat(0.0)
    fourth = splat(0.0)
    for place in range(start, start + length, LANES):
        rest = load(column, place) - center
        square = rest * rest
        second += square
        third += square * rest
        fourth += square * square
    return mean, total(second) / length, total(third) / length, total(fourth) / length


@kernel
def relative_variance(column: Column, at: int, taps: Taps) -> tuple[float, float]:
    """Mean and variance of a column of prices under weights, both less and over the newest price."""
    start = at - taps.size + 1
    newest = splat(column[at])
    part = splat(1.0 / column[at])
    first = splat(0.0)
    for tap in range(0, taps.size, LANES):
        first += load(taps, tap) * ((load(column, start + tap) - newest) * part)
    mean = total(first)
    center = splat(mean)
    second = splat(0.0)
    for tap in range(0, taps.size, LANES):
        rest = (load(column, start + tap) - newest) * part - center
        second += (load(taps, tap) * rest) * rest  # in this order 0 times anything stays 0
    return mean, total(second)


@kernel
def covariance(left: Column, right: Column, at: int, length: int) -> tuple[float, float, float]:
    """Sums of squares of two columns about their means, and of their products; length a multiple of 16."""
    start = at - length + 1
    left_newest = splat(left[at])
    right_newest = splat(right[at])
    left_sum = splat(0.0)
    right_sum = splat(0.0)
    for place in range(start, start + length, LANES):
        left_sum += load(left, place) - left_newest
        right_sum += load(right, place) - right_newest
    left_mean = splat(total(left_sum) / length + left[at])
    right_mean = splat(total(right_sum) / length + right[at])
    left_square = splat(0.0)
    right_square = splat(0.0)
    product = splat(0.0)
    for place in range(start, start + length, LANES):
        x = load(left, place) - left_mean
        y = load(right, place) - right_mean
        left_square += x * x
        right_square += y * y
        product += x * y
    return total(left_square), total(right_square), total(product)


@kernel
def correlation(left_square: float, right_square: float, product: float) -> float:
    """Product over the root of the squares, within -1 and 1; 0 where a square is 0."""
    if left_square <= 0.0 or right_square <= 0.0:
        return 0.0
    return min(max(product / (math.sqrt(left_square) * math.sqrt(right_square)), -1.0), 1.0)
