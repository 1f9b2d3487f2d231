# mypy: allow-untyped-decorators
"""Decimal text to the nearest double, compiled for the common case and exact in all."""

import re
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from producer.exports.fields import Bytes, Fields, Offsets

GOOD, HARD, BAD, EMPTY = 0, 1, 2, 3
"""Outcome of a field: read; well formed but too long for the quick way; no number; nothing there or a lone dash."""

_POWERS = np.array([10.0**power for power in range(23)])  # the powers of ten that a double holds exactly
_SUFFIX_LETTERS = (107, 109, 98, 116)  # k, m, b, t
_SUFFIXES = {"K": "e3", "M": "e6", "B": "e9", "T": "e12"}


@dataclass(frozen=True)
class NumberForm:
    """How a file spells numbers: its decimal sign, and what stands between thousands ("" for nothing)."""

    decimal: str = "."
    thousands: str = ""


def parse_numbers(fields: Fields, column: int, form: NumberForm) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Read a column: values (R,) and outcomes (R,), GOOD, BAD or EMPTY.

    ``$``, signs outside ASCII (``€``) around and ``%`` after a number are passed over; K, M, B, T after it multiply.
    The value is the double nearest to the decimal text.
    """
    rows = fields.lines.size
    values = np.full(rows, np.nan)
    outcomes = np.zeros(rows, np.uint8)
    thousands = ord(form.thousands) if form.thousands else 0
    _parse(
        fields.data, fields.starts[:, column], fields.ends[:, column], ord(form.decimal), thousands, _POWERS,
        values, outcomes,
    )  # fmt: skip
    for row in np.flatnonzero(outcomes == HARD).tolist():
        values[row] = _exact(fields.text(row, column), form)
    outcomes[outcomes == HARD] = GOOD
    return values, outcomes


def _exact(text: str, form: NumberForm) -> float:
    """Of a text that the kernel found well formed."""
    text = re.sub(r"[^\x21-\x7e]|\$", "", text.removesuffix("%"))
    if form.thousands:
        text = text.replace(form.thousands, "")
    text = text.replace(form.decimal, ".")
    suffix = _SUFFIXES.get(text[-1].upper(), "")
    return float(text[:-1] + suffix if suffix else text)


@njit(cache=True)
def _parse(
    data: Bytes,
    starts: Offsets,
    ends: Offsets,
    decimal: int,
    thousands: int,
    powers: NDArray[np.float64],
    values: NDArray[np.float64],
    outcomes: NDArray[np.uint8],
) -> None:  # pragma: no cover - compiled
    for row in range(starts.size):
        at, end = starts[row], ends[row]
        if end <= at or (end == at + 1 and data[at] == 45):
            outcomes[row] = EMPTY
            continue
        if data[end - 1] == 37:  # %
            end -= 1
        negative = data[at] == 45
        at, end = _strip_signs(data, at, end)
        mantissa, exponent, at = _decimal(data, at, end, decimal, thousands)
        shift = 0
        if 0 <= at < end:
            shift, at = _tail(data, at, end)
        exponent += shift
        if at != end:
            outcomes[row] = BAD
        elif mantissa == 0:
            values[row] = 0.0
        elif mantissa > 9_007_199_254_740_992 or exponent > 22 or exponent < -22:
            outcomes[row] = HARD
        else:  # both operands are exact, so the one operation rounds correctly
            value = mantissa * powers[exponent] if exponent >= 0 else mantissa / powers[-exponent]
            values[row] = -value if negative else value


@njit(cache=True)
def _strip_signs(data: Bytes, at: int, end: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """Without plus, minus and currency: ``-$9.50``, ``9,50 €``."""
    while end > at and _is_currency(data[end - 1]):
        end -= 1
    if end > at and (data[at] == 45 or data[at] == 43):
        at += 1
    while at < end and _is_currency(data[at]):
        at += 1
    return at, end


@njit(cache=True)
def _is_currency(byte: int) -> bool:  # pragma: no cover - compiled
    """A dollar, a blank or part of a sign outside ASCII."""
    return byte == 32 or byte == 36 or byte >= 128  # noqa: PLR1714


@njit(cache=True)
def _decimal(
    data: Bytes, at: int, end: int, decimal: int, thousands: int
) -> tuple[int, int, int]:  # pragma: no cover - compiled
    """Digits as an integer (cut off, but beyond 2^53, where there are too many), its power of ten, and where they end.

    The end is -1 where there are no digits or those between thousands signs are not three.
    """
    mantissa, exponent, digits = 0, 0, 0
    group = -1  # digits since the last thousands sign; -1 before the first
    point = False
    while at < end:
        byte = data[at]
        if 48 <= byte <= 57:
            digits += 1
            if mantissa < 100_000_000_000_000_000:
                mantissa = mantissa * 10 + (byte - 48)
                exponent -= point
            if group >= 0 and not point:
                group += 1
        elif byte == decimal and not point and group in (-1, 3):
            point = True
        elif thousands and byte == thousands and not point and digits > 0 and group in (-1, 2, 3):  # 1,23,456 too
            group = 0
        else:
            break
        at += 1
    if digits == 0 or not (point or group in (-1, 3)):
        return mantissa, exponent, -1
    return mantissa, exponent, at


@njit(cache=True)
def _tail(data: Bytes, at: int, end: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """Power of ten from the exponent or suffix that ends a number, and where it ends; -1 where it is neither."""
    letter = data[at] | 32
    if at + 1 == end:
        for index in range(4):
            if letter == _SUFFIX_LETTERS[index]:
                return 3 * (index + 1), end
    if letter != 101 or end - at > 5:
        return 0, -1
    at += 1
    minus = at < end and data[at] == 45
    if at < end and (data[at] == 45 or data[at] == 43):
        at += 1
    power, digits = 0, 0
    while at < end and 48 <= data[at] <= 57:
        power = power * 10 + (data[at] - 48)
        digits += 1
        at += 1
    return (-power if minus else power), (at if digits else -1)
