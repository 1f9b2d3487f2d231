"""Decimal text becomes the nearest double, whatever its spelling."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.exports.fields import pack
from producer.exports.numbers import BAD, EMPTY, GOOD, NumberForm, parse_numbers


def read(text: str, form: NumberForm | None = None) -> tuple[float, int]:
    values, outcomes = parse_numbers(pack([text]), 0, form or NumberForm())
    return float(values[0]), int(outcomes[0])


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None))
def test_every_decimal_is_rounded_correctly(number: Decimal) -> None:
    text = str(number)
    value, outcome = read(text)
    if len(text.upper().partition("E")[2]) <= 4:
        assert outcome == GOOD
        assert value == float(text)


@given(st.floats(min_value=0, allow_infinity=False))
def test_every_double_survives_its_shortest_spelling(number: float) -> None:
    assert read(repr(number)) == (number, GOOD)


@given(st.integers(0, 10**25), st.integers(0, 24))
def test_long_prices_are_rounded_correctly(digits: int, decimals: int) -> None:
    text = f"{digits:026}"
    text = f"{text[: 26 - decimals]}.{text[26 - decimals :]}"
    assert read(text) == (float(text), GOOD)


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ("201.25K", NumberForm(), 201_250.0),
        ("1.5M", NumberForm(), 1_500_000.0),
        ("2B", NumberForm(), 2e9),
        ("$185.64", NumberForm(), 185.64),
        ("0.57%", NumberForm(), 0.57),
        ("1,234,567.5", NumberForm(".", ","), 1_234_567.5),
        ("1.234.567,5", NumberForm(",", "."), 1_234_567.5),
        ("1,13511", NumberForm(",", "."), 1.13511),
        ("+.5", NumberForm(), 0.5),
        ("5.", NumberForm(), 5.0),
        ("1e-05", NumberForm(), 1e-05),
        ("-3", NumberForm(), -3.0),
    ],
)
def test_usual_spellings_are_read(text: str, form: NumberForm, value: float) -> None:
    assert read(text, form) == (value, GOOD)


@pytest.mark.parametrize(
    "text",
    ["abc", "1.2.3", "1,5", "--1", "1e", "1e+", "e5", "1 2", "0x10", "1_000", "nan", ".", "+", "1Q", "%"],
)
def test_what_is_no_number_is_bad(text: str) -> None:
    value, outcome = read(text)
    assert outcome == BAD
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["12,34", "1,2345", ",123", "1,234,56", "1,,234"])
def test_thousands_stand_in_threes(text: str) -> None:
    assert read(text, NumberForm(".", ","))[1] == BAD


@pytest.mark.parametrize("text", ["", "-"])
def test_nothing_and_a_dash_are_empty(text: str) -> None:
    assert read(text)[1] == EMPTY
