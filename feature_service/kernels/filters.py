"""Moving averages as finite filters: the weight of each candle's value, newest first, in plain float64.

A recursive average has no end, so its weights are cut where what is left is below 1e-8 and made to sum to
1; a cascade of averages is one filter. All is plain addition and multiplication in a fixed order: the
weights have the same bits on every machine.
"""

import math

import numpy as np
from numpy.typing import NDArray

REST_MAX = 1e-8
"""Weight that a cut leaves out is below this, unless a finer one is asked for."""

_RESPONSE = 4_096  # candles over which a recursive average is followed before its cut
_STEP = 16  # kernels read two times eight lanes at once

Filter = list[float]  # weight of the newest value first


def simple(length: int) -> Filter:
    """Equal weights: the simple moving average."""
    return [1.0 / length] * length


def linear(length: int) -> Filter:
    """Weights falling in a line to 1 for the oldest: the weighted moving average."""
    total = length * (length + 1) // 2
    return [(length - lag) / total for lag in range(length)]


def exponential(*spans: int, rest_max: float = REST_MAX) -> Filter:
    """Exponential averages of the given spans (smoothing 2 / (span + 1)), each of the one before."""
    return _cut(_cascade([2.0 / (span + 1.0) for span in spans]), rest_max)


def wilder(length: int, rest_max: float = REST_MAX) -> Filter:
    """Wilder's average: exponential with smoothing 1 / length."""
    return _cut(_cascade([1.0 / length]), rest_max)


def combination(*terms: tuple[float, Filter]) -> Filter:
    """Weighted sum of filters, as long as the longest of them."""
    weights = [0.0] * max(len(term) for _, term in terms)
    for factor, term in terms:
        for lag, weight in enumerate(term):
            weights[lag] += factor * weight
    return weights


def chained(first: Filter, second: Filter) -> Filter:
    """``second`` of the values that ``first`` makes."""
    weights = [0.0] * (len(first) + len(second) - 1)
    for outer, factor in enumerate(second):
        for inner, weight in enumerate(first):
            weights[outer + inner] += factor * weight
    return weights


def delayed(filter_: Filter, candles: int) -> Filter:
    """Return the same filter as it stood some candles ago."""
    return [0.0] * candles + filter_


def taps(filter_: Filter) -> NDArray[np.float64]:
    """Weights as kernels read them: oldest first, zeros before them up to a multiple of 16."""
    padding = -len(filter_) % _STEP
    array = np.array([0.0] * padding + filter_[::-1])
    array.flags.writeable = False
    return array


def _cascade(smoothings: list[float]) -> Filter:
    response = [1.0] + [0.0] * (_RESPONSE - 1)
    for smoothing in smoothings:
        state = 0.0
        for lag, value in enumerate(response):
            state += smoothing * (value - state)
            response[lag] = state
    return response


def _cut(response: Filter, rest_max: float = REST_MAX) -> Filter:
    rest = 0.0
    end = len(response)
    while rest + response[end - 1] < rest_max:
        rest += response[end - 1]
        end -= 1
    total = math.fsum(response[:end])
    return [weight / total for weight in response[:end]]
