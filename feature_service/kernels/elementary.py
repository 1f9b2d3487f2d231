"""Logarithm, sine and cosine out of plain arithmetic in a fixed order: the same bits on every machine.

The library functions of a platform differ in their last bits from one version to the next.
"""

import math

import numpy as np

from feature_service.kernels.compile import kernel

_NEAR = 0.05  # of the sum of two values: up to here seven terms of the series are exact to float64
_RATIO_MAX = 2.0**1000
_LN_2 = math.log(2.0)
_ROOT_2 = math.sqrt(2.0)
_TURN = 2.0 * math.pi
_TERMS = 8  # exact to float64 within an eighth of a turn
_SINE = np.array([1.0 / (term * (term + 1.0)) for term in range(2 * _TERMS, 0, -2)])
_COSINE = np.array([1.0 / (term * (term - 1.0)) for term in range(2 * _TERMS, 0, -2)])


def plain_log_ratio(value: float, other: float) -> float:
    """Natural logarithm of ``value / other``, both > 0; exactly 0 where they are equal.

    Out of their difference, not their ratio, so that it loses nothing where they are close.
    """
    part = (value - other) / (value + other)
    square = part * part
    if square < _NEAR * _NEAR:
        series = 1.0 / 11.0 + square * (1.0 / 13.0)
        series = 1.0 / 7.0 + square * (1.0 / 9.0 + square * series)
        return 2.0 * part * (1.0 + square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * series)))
    ratio = min(max(value / other, 1.0 / _RATIO_MAX), _RATIO_MAX)
    twos = 0.0
    while ratio > _ROOT_2:
        ratio *= 0.5
        twos += 1.0
    while ratio * _ROOT_2 < 1.0:
        ratio *= 2.0
        twos -= 1.0
    part = (ratio - 1.0) / (ratio + 1.0)
    square = part * part
    series = 0.0
    for term in range(25, 0, -2):
        series = series * square + 1.0 / term
    return twos * _LN_2 + 2.0 * part * series


log_ratio = kernel(plain_log_ratio)


@kernel
def sine_and_cosine(turn: float) -> tuple[float, float]:
    """Sine and cosine of a share of a full turn, 0 <= turn < 1."""
    quarter = int(4.0 * turn + 0.5)
    angle = _TURN * (turn - 0.25 * quarter)
    square = angle * angle
    sine = 1.0
    cosine = 1.0
    for term in range(_TERMS):
        sine = 1.0 - square * _SINE[term] * sine
        cosine = 1.0 - square * _COSINE[term] * cosine
    sine *= angle
    if quarter == 1:
        return cosine, -sine
    if quarter == 2:
        return -sine, -cosine
    if quarter == 3:
        return -cosine, sine
    return sine, cosine
