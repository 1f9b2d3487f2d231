"""Comparisons and quotients of eight lanes, seen through a kernel."""

import numpy as np

from feature_service.kernels.compile import kernel
from feature_service.kernels.lanes import less, load, quotient, total

LEFT = np.array([1.0, 2.0, 0.0, -1.0, 5.0, 5.0, 1e300, 0.0])
RIGHT = np.array([2.0, 1.0, 0.0, 0.0, 5.0, 2.0, 1e-300, 3.0])


@kernel
def count_less(left: np.ndarray, right: np.ndarray) -> float:
    return total(less(load(left, 0), load(right, 0)))


@kernel
def sum_quotients(left: np.ndarray, right: np.ndarray) -> float:
    return total(quotient(load(left, 0), load(right, 0)))


def test_less_is_one_where_the_first_is_below() -> None:
    assert count_less(LEFT, RIGHT) == np.sum(LEFT < RIGHT) == 3


def test_a_quotient_by_nothing_is_nothing() -> None:
    right = RIGHT.copy()
    right[6] = 4e300
    assert sum_quotients(LEFT, right) == 0.5 + 2.0 + 0.0 + 0.0 + 1.0 + 2.5 + 0.25 + 0.0
