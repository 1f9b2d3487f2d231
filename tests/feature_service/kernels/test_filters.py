"""Filters are the averages they are named after, cut where nothing is left."""

import math

import numpy as np
import pytest

from feature_service.kernels.filters import (
    REST_MAX,
    chained,
    combination,
    delayed,
    exponential,
    linear,
    simple,
    taps,
    wilder,
)


@pytest.mark.parametrize(
    "weights",
    [
        simple(7),
        linear(9),
        exponential(50),
        exponential(15, 15, 15),
        wilder(14),
        chained(simple(3), linear(4)),
    ],
)
def test_weights_sum_to_one(weights: list[float]) -> None:
    assert math.fsum(weights) == pytest.approx(1.0, abs=1e-15)


def test_an_exponential_average_is_cut_at_the_first_length_that_leaves_less_than_the_limit() -> None:
    decay = 1.0 - 2.0 / 51.0
    weights = exponential(50)
    assert len(weights) == 461
    assert decay ** len(weights) < REST_MAX <= decay ** (len(weights) - 1)


def test_weights_of_an_exponential_average_fall_by_its_decay() -> None:
    weights = np.array(wilder(14))
    assert np.allclose(weights[1:] / weights[:-1], 13.0 / 14.0, rtol=1e-12)


def test_a_cascade_is_one_average_of_another() -> None:
    twice = np.convolve(exponential(12), exponential(9))
    once = np.array(exponential(12, 9))
    assert np.allclose(once, twice[: len(once)], atol=1e-8)


def test_linear_weights_fall_to_one_part_for_the_oldest() -> None:
    assert linear(3) == [3 / 6, 2 / 6, 1 / 6]


def test_a_combination_adds_filters_lag_by_lag() -> None:
    assert combination((2.0, [1.0, 0.5]), (-1.0, [0.5, 0.25, 0.25])) == [1.5, 0.75, -0.25]


def test_chaining_and_delaying_are_what_they_say() -> None:
    assert chained([0.5, 0.5], [1.0, 2.0]) == [0.5, 1.5, 1.0]
    assert delayed([1.0], 2) == [0.0, 0.0, 1.0]


def test_taps_are_oldest_first_with_zeros_before_them_and_cannot_be_changed() -> None:
    array = taps([3.0, 2.0, 1.0])
    assert array.tolist() == [0.0] * 13 + [1.0, 2.0, 3.0]
    assert not array.flags.writeable
