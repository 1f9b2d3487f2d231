# mypy: allow-untyped-decorators
"""Stamps that are bare numbers, compiled: epochs, ticks, days of spreadsheets, milliseconds of the day."""

import numpy as np
from numba import njit

from producer.exports.fields import Bytes

EPOCH_CODE, TICKS_CODE, FILETIME_CODE, SERIAL_CODE, OF_DAY_CODE = range(1100, 1105)


@njit(cache=True)
def digits(data: Bytes, at: int, end: int, least: int, most: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """Value of up to ``most`` digits, and the offset after them; -1 where there are fewer than ``least``."""
    value = 0
    start = at
    while at < end and at - start < most and 48 <= data[at] <= 57:
        value = value * 10 + (data[at] - 48)
        at += 1
    return value, (at if at - start >= least else -1)


@njit(cache=True)
def count_ms(data: Bytes, at: int, end: int, code: int) -> int:  # pragma: no cover - compiled
    """Milliseconds since 1970, or of the day, of a bare number; -1 where it is none of its kind."""
    if code == EPOCH_CODE:
        return _epoch_ms(data, at, end)
    if code == SERIAL_CODE:
        return _serial_ms(data, at, end)
    value, at = digits(data, at, end, 1, 19)
    if at != end:
        return -1
    if code == OF_DAY_CODE:
        return value if value < 86_400_000 else -1
    value = value // 10_000 - (62_135_596_800_000 if code == TICKS_CODE else 11_644_473_600_000)
    return value if 0 <= value < 7_258_118_400_000 else -1


@njit(cache=True)
def _serial_ms(data: Bytes, at: int, end: int) -> int:  # pragma: no cover - compiled
    """Days since 1899-12-30 with a fraction, to the minute that is at most a second away; -1 where none is."""
    days, at = digits(data, at, end, 5, 5)
    if at < 0:
        return -1
    seconds = 0.0
    if at < end and data[at] == 46:
        first = at + 1
        fraction, at = digits(data, first, end, 1, 15)
        if at > 0:
            seconds = fraction / 10.0 ** (at - first) * 86_400
    minutes = np.floor(seconds / 60 + 0.5)
    if at != end or np.abs(seconds - 60 * minutes) > 1 or days < 25_569:
        return -1
    return (days - 25_569) * 86_400_000 + int(minutes) * 60_000


@njit(cache=True)
def _epoch_ms(data: Bytes, at: int, end: int) -> int:  # pragma: no cover - compiled
    """Epoch in any unit as ms, its unit told by its size (all from 1973 to 2200); -1 where it is none."""
    start = at
    value, at = digits(data, at, end, 9, 19)
    ms = 0
    if at < 0:
        value, at = _scientific(data, start, end)
    if at < 0:
        return -1
    if at < end and data[at] == 46:
        first = at + 1
        fraction, at = digits(data, first, end, 1, 9)
        if at > 0:
            ms = fraction * 1000 // 10 ** (at - first)
    if at != end:
        return -1
    if value < 100_000_000_000:
        value = value * 1000 + ms
    elif value >= 100_000_000_000_000_000:
        value //= 1_000_000
    elif value >= 100_000_000_000_000:
        value //= 1000
    return value if 94_694_400_000 <= value < 7_258_118_400_000 else -1


@njit(cache=True)
def _scientific(data: Bytes, at: int, end: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """A whole number written as ``1.7089056e+09``, and where it ends; -1 where it is none."""
    value, at = digits(data, at, end, 1, 1)
    if at < 0 or at >= end or data[at] != 46:
        return 0, -1
    first = at + 1
    fraction, at = digits(data, first, end, 1, 18)
    if at < 0 or at + 1 >= end or data[at] | 32 != 101:
        return 0, -1
    places = at - first
    at += 2 if data[at + 1] == 43 else 1
    power, at = digits(data, at, end, 1, 3)
    if at < 0 or power > 18:
        return 0, -1
    value = value * 10**places + fraction
    if places <= power:
        return value * 10 ** (power - places), at
    return value // 10 ** (places - power), at
