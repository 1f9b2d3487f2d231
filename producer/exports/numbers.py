# mypy: allow-untyped-decorators
"""Decimal text to the nearest double, compiled for the common case and exact in all."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from producer.exports.fields import Bytes, Fields, Offsets

GOOD, HARD, BAD, EMPTY = 0, 1, 2, 3
"""Outcome of a field: read; well formed but too long for the quick way; no number; nothing there or a lone dash."""

_POWERS = 10.0 ** np.arange(23)  # the powers of ten that a double holds exactly
_SUFFIXES = {"K": "e3", "M": "e6", "B": "e9", "T": "e12"}


@dataclass(frozen=True)
class NumberForm:
    """How a file spells numbers: its decimal sign, and what stands between thousands ("" for nothing)."""

    decimal: str = "."
    thousands: str = ""


def parse_numbers(
    fields: Fields, column: int, form: NumberForm
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Read a column: values (R,) and outcomes (R,), GOOD, BAD or EMPTY.

    ``$`` before and ``%`` after a number are passed over; K, M, B, T after it multiply. The value is the double nearest
    to the decimal text.
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
    text = text.replace("$", "").removesuffix("%")
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
        negative = False
        if at < end and (data[at] == 45 or data[at] == 43):
            negative = data[at] == 45
            at += 1
        if at < end and data[at] == 36:  # $
            at += 1
        mantissa = np.int64(0)
        digits = 0
        exponent = 0
        group = -1  # digits since the last thousands sign; -1 before the first
        hard = False
        point = False
        good = True
        while at < end:
            byte = data[at]
            if 48 <= byte <= 57:
                digits += 1
                if mantissa < 100_000_000_000_000_000:
                    mantissa = mantissa * 10 + (byte - 48)
                    if point:
                        exponent -= 1
                else:
                    hard = True
                if group >= 0 and not point:
                    group += 1
            elif byte == decimal and not point:
                point = True
                good = good and group in (-1, 3)
            elif thousands and byte == thousands and not point:
                good = good and digits > 0 and group in (-1, 3)
                group = 0
            else:
                break
            at += 1
        good = good and digits > 0 and (point or group in (-1, 3))
        if good and at < end:
            shift, used = _tail(data, at, end)
            good = used
            exponent += shift
        if not good:
            outcomes[row] = BAD
            continue
        if mantissa == 0 and not hard:
            values[row] = 0.0
        elif hard or mantissa > 9_007_199_254_740_992 or exponent > 22 or exponent < -22:
            outcomes[row] = HARD
        else:  # both operands are exact, so the one operation rounds correctly
            value = mantissa * powers[exponent] if exponent >= 0 else mantissa / powers[-exponent]
            values[row] = -value if negative else value


@njit(cache=True)
def _tail(data: Bytes, at: int, end: int) -> tuple[int, bool]:  # pragma: no cover - compiled
    """Power of ten from an exponent or a suffix at the end of a number, and whether it is well formed."""
    byte = data[at] | 32
    if at + 1 == end:
        if byte == 107:
            return 3, True
        if byte == 109:
            return 6, True
        if byte == 98:
            return 9, True
        if byte == 116:
            return 12, True
    if byte != 101:
        return 0, False
    at += 1
    minus = False
    if at < end and (data[at] == 45 or data[at] == 43):
        minus = data[at] == 45
        at += 1
    if at >= end or end - at > 4:
        return 0, False
    power = 0
    while at < end:
        if not 48 <= data[at] <= 57:
            return 0, False
        power = power * 10 + (data[at] - 48)
        at += 1
    return (-power if minus else power), True
