"""Statistics of the newest returns: the shape of their distribution and how one follows another."""

import math

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels.columns import CLOSE, RETURN, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.elementary import plain_log_ratio
from feature_service.kernels.lanes import LANES, less, load, splat, total
from feature_service.kernels.moments import central_moments, lagged_product, power
from feature_service.kernels.windows import ROUNDING, ratio

LENGTH = 64
VARIANCE_LENGTH = 96
VARIANCE_STEPS = 8
PATTERNS = 64
RANK_LENGTH = 240
STANDSTILL = 1e-18  # of the squared mean; a variance below it is the rounding of equal returns

_ENTROPY = np.array(
    [0.0]
    + [
        plain_log_ratio(PATTERNS, count) * count / (PATTERNS * plain_log_ratio(math.factorial(3), 1.0))
        for count in range(1, PATTERNS + 1)
    ]
)

_RETURN = "r = log(close / close before)"


def _entry(name: str, formula: str, unit: str, low: float, high: float, lookback: int, source: str) -> Feature:
    return Feature(name, "statistical", formula, ("close",), unit, low, high, lookback, source)


FEATURES = (
    _entry(
        "skewness_64",
        f"mean cube / (mean square)^1.5 of r less its mean, over 64, {_RETURN}; 0 where all are one",
        "index",
        -8.0,
        8.0,
        LENGTH + 1,
        "sample skewness",
    ),
    _entry(
        "kurtosis_64",
        f"mean fourth power / (mean square)^2 - 3 of r less its mean, over 64, {_RETURN}; 0 where all are one",
        "index",
        -3.0,
        64.0,
        LENGTH + 1,
        "sample excess kurtosis",
    ),
    _entry(
        "autocorrelation_64",
        f"sum of r r before / sum of r^2, over 64, {_RETURN}; 0 where r = 0",
        "correlation",
        -8.0,
        8.0,
        LENGTH + 2,
        "autocorrelation at lag 1, about 0",
    ),
    _entry(
        "variance_ratio_8",
        f"1 + 2 sum of (1 - k/8) sum of r r k before / sum of r^2, k = 1 to 7, over 96, {_RETURN}; 1 where r = 0",
        "ratio",
        -8.0,
        16.0,
        VARIANCE_LENGTH + VARIANCE_STEPS,
        "A. Lo, A. MacKinlay, 1988",
    ),
    _entry(
        "permutation_entropy_64",
        "-sum of p log p / log 6, p the shares of the orders of three closes in a row, over 64 candles",
        "share",
        0.0,
        1.0,
        PATTERNS + 2,
        "C. Bandt, B. Pompe, 2002",
    ),
    _entry(
        "close_rank_240",
        "100 (closes below + half the closes equal) / 240, of the 240 before",
        "percent",
        0.0,
        100.0,
        RANK_LENGTH + 1,
        "percentile rank",
    ),
)


@kernel
def variance_ratio(returns: NDArray[np.float64], at: int) -> float:
    """Variance of 8 returns together against that of 8 alone."""
    square = power(returns, at, VARIANCE_LENGTH)
    found = 1.0
    for lag in range(1, VARIANCE_STEPS):
        share = 2.0 * (1.0 - lag / VARIANCE_STEPS)
        found += share * ratio(lagged_product(returns, at, VARIANCE_LENGTH, lag), square)
    return found


@kernel
def permutation_entropy(close: NDArray[np.float64], at: int) -> float:
    """How evenly the orders of three closes in a row occur."""
    rounding = splat(1.0 + ROUNDING)
    first = splat(0.0)  # the second above the first
    second = splat(0.0)  # the third above the second
    both = splat(0.0)
    top = splat(0.0)  # the second highest, the first lowest
    dip = splat(0.0)  # the second lowest, the third highest
    for place in range(at - PATTERNS + 1, at + 1, LANES):
        oldest = load(close, place - 2) * rounding
        middle = load(close, place - 1)
        newest = load(close, place)
        rose = less(oldest, middle)
        rises = less(middle * rounding, newest)
        risen = less(oldest, newest)
        first += rose
        second += rises
        both += rose * rises
        top += (rose - rose * rises) * risen
        dip += (rises - rose * rises) * risen
    rises_only = total(second)
    rose_only = total(first)
    up, highest_last, lowest_last = total(both), total(top), total(dip)
    return float(
        _ENTROPY[int(up)]
        + _ENTROPY[int(highest_last)]
        + _ENTROPY[int(rose_only - up - highest_last)]
        + _ENTROPY[int(lowest_last)]
        + _ENTROPY[int(rises_only - up - lowest_last)]
        + _ENTROPY[int(PATTERNS - rose_only - rises_only + up)]
    )


@kernel
def close_rank(close: NDArray[np.float64], at: int) -> float:
    """Place of the newest close among those before it, 0 to 100."""
    lower = splat(close[at] / (1.0 + ROUNDING))
    upper = splat(close[at] * (1.0 + ROUNDING))
    below = splat(0.0)
    higher = splat(0.0)
    for place in range(at - RANK_LENGTH, at, LANES):
        value = load(close, place)
        below += less(value, lower)
        higher += less(upper, value)
    return 50.0 + 50.0 * (total(below) - total(higher)) / RANK_LENGTH


@kernel
def write_statistical(columns: Buffer, at: int, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``."""
    returns = columns[RETURN]
    mean, second, third, fourth = central_moments(returns, at, LENGTH)
    values[0] = values[1] = 0.0
    if second > STANDSTILL * mean * mean:
        values[0] = third / (second * np.sqrt(second))
        values[1] = fourth / (second * second) - 3.0
    values[2] = ratio(lagged_product(returns, at, LENGTH, 1), power(returns, at, LENGTH))
    values[3] = variance_ratio(returns, at)
    values[4] = permutation_entropy(columns[CLOSE], at)
    values[5] = close_rank(columns[CLOSE], at)
