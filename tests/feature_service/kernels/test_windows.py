"""Sums and extremes of eight lanes equal numpy's."""

import numpy as np
import pytest

from feature_service.kernels.filters import taps
from feature_service.kernels.windows import changes, highest, lowest, offset, ratio, weighted

COLUMN = np.random.default_rng(2).normal(1.0, 0.1, 700)
AT = 600


@pytest.mark.parametrize("length", [1, 7, 8, 16, 17, 250, 461, 512])
def test_weighted_sums_equal_numpy(length: int) -> None:
    weights = np.random.default_rng(length).random(length)  # newest first
    kernel_taps = taps(weights.tolist())
    newest_first = COLUMN[AT::-1]
    change = -np.diff(newest_first)[:length]
    assert weighted(COLUMN, AT, kernel_taps) == pytest.approx(weights @ newest_first[:length], rel=1e-12)
    assert offset(COLUMN, AT, kernel_taps) == pytest.approx(
        weights @ (newest_first[:length] - newest_first[0]), rel=1e-11, abs=1e-14
    )
    signed, sized = changes(COLUMN, AT, kernel_taps)
    assert signed == pytest.approx(weights @ change, rel=1e-11, abs=1e-12)
    assert sized == pytest.approx(weights @ np.abs(change), rel=1e-12)


@pytest.mark.parametrize("length", [8, 9, 14, 15, 16, 17, 28, 100])
def test_extremes_equal_numpy_wherever_they_stand(length: int) -> None:
    for place in range(AT - length - 1, AT + 2):
        column = COLUMN.copy()
        column[place] = 9.0
        assert highest(column, AT, length) == column[AT - length + 1 : AT + 1].max()
        column[place] = -9.0
        assert lowest(column, AT, length) == column[AT - length + 1 : AT + 1].min()


def test_lanes_are_added_in_one_order_whatever_the_machine() -> None:
    """Two sums of eight lanes, then halves: spelled out in plain Python, the bits are the same."""
    weights = taps(np.random.default_rng(0).random(64).tolist())
    values = COLUMN[AT - 63 : AT + 1]
    even, odd = [0.0] * 8, [0.0] * 8
    for tap in range(0, 64, 16):
        for lane in range(8):
            even[lane] += float(weights[tap + lane]) * float(values[tap + lane])
            odd[lane] += float(weights[tap + 8 + lane]) * float(values[tap + 8 + lane])
    lanes = [left + right for left, right in zip(even, odd, strict=True)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [left + right for left, right in zip(lanes[:half], lanes[half:], strict=True)]
    assert weighted(COLUMN, AT, weights) == lanes[0]


def test_a_ratio_of_nothing_is_nothing() -> None:
    assert ratio(0.0, 0.0) == 0.0
    assert ratio(-1.0, 0.0) == -np.inf
    assert ratio(1.0, 4.0) == 0.25
