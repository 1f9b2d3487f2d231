"""Logarithm, sine and cosine equal the platform's to its last bits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_service.kernels.elementary import log_ratio, plain_log_ratio, sine_and_cosine

PRICES = st.floats(1e-140, 1e140)


@given(price=PRICES, other=PRICES)
def test_a_log_ratio_equals_the_platforms(price: float, other: float) -> None:
    wanted = math.log(price) - math.log(other)
    assert log_ratio(price, other) == pytest.approx(wanted, rel=1e-13, abs=1e-12)


@given(change=st.floats(-0.2, 0.2))
def test_small_changes_lose_nothing(change: float) -> None:
    price = 1.1 + 1.1 * change
    assert log_ratio(price, 1.1) == pytest.approx(math.log1p((price - 1.1) / 1.1), rel=4e-15)


@given(price=st.floats(1e-8, 1e8), other=st.floats(1e-8, 1e8), power=st.integers(-60, 60))
def test_the_unit_of_prices_changes_no_bit_and_the_other_way_round_it_has_the_other_sign(
    price: float, other: float, power: int
) -> None:
    assert log_ratio(price * 2.0**power, other * 2.0**power) == log_ratio(price, other) == plain_log_ratio(price, other)
    if abs(math.log(price / other)) < 0.09:
        assert log_ratio(other, price) == -log_ratio(price, other)


def test_equal_prices_have_exactly_no_return() -> None:
    assert [log_ratio(price, price) for price in (1e-300, 1.1, 1e300)] == [0.0, 0.0, 0.0]


@given(turn=st.floats(0.0, 1.0, exclude_max=True))
def test_sine_and_cosine_equal_the_platforms(turn: float) -> None:
    sine, cosine = sine_and_cosine(turn)
    assert sine == pytest.approx(math.sin(2.0 * math.pi * turn), abs=2e-15)
    assert cosine == pytest.approx(math.cos(2.0 * math.pi * turn), abs=2e-15)


def test_quarters_of_a_turn_are_exact() -> None:
    assert [sine_and_cosine(quarter / 4) for quarter in range(4)] == [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)]
