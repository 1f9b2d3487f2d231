# mypy: allow-untyped-decorators
"""Time stamps by template, compiled.

A template is written as for ``strftime`` (``%Y.%m.%d %H:%M``), with these differences: ``%m %d %H %I %M %S`` take one
or two digits (24:00 is the midnight that ends a day),
``%f`` a fraction of a second of any length, ``%z`` an offset in any usual spelling, ``%h`` and ``%j``
the digits of an hour and a minute, or of a second too, without the zeros before them (``930``). Whole templates:

``epoch``    seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size, value by value
``ticks``    tenths of microseconds since the year 1, as .NET counts
``filetime`` the same since 1601, as Windows counts
``serial``   days since 1899-12-30, as spreadsheets count; whole minutes only
``ofday``    milliseconds of the day
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from producer.exports.fields import Bytes, Fields, Offsets
from producer.exports.stamp_counts import (
    EPOCH_CODE,
    FILETIME_CODE,
    OF_DAY_CODE,
    SERIAL_CODE,
    TICKS_CODE,
    count_ms,
    digits,
)

EPOCH, TICKS, FILETIME, SERIAL, OF_DAY = "epoch", "ticks", "filetime", "serial", "ofday"
NO_OFFSET = -(2**62)
"""In place of an offset where the stamp carries none."""

_NONE = -(2**62)
_DIRECTIVE = 256  # codes below are literal bytes
_WORDS = 1024  # codes below, from _DIRECTIVE on: 64 * part + 8 * least + most digits
_FRACTION_CODE, _HALF_CODE, _MONTH_CODE, _WEEKDAY_CODE, _OFFSET_CODE = range(1024, 1029)
_HOUR_MINUTE_CODE, _HOUR_SECOND_CODE = 1200, 1201
_WHOLE = dict(
    zip(
        (EPOCH, TICKS, FILETIME, SERIAL, OF_DAY),
        (EPOCH_CODE, TICKS_CODE, FILETIME_CODE, SERIAL_CODE, OF_DAY_CODE),
        strict=True,
    )
)
_DIRECTIVES = {
    "Y": _DIRECTIVE + 64 * 0 + 8 * 4 + 4,
    "y": _DIRECTIVE + 64 * 0 + 8 * 2 + 2,
    "m": _DIRECTIVE + 64 * 1 + 8 * 1 + 2,
    "d": _DIRECTIVE + 64 * 2 + 8 * 1 + 2,
    "H": _DIRECTIVE + 64 * 3 + 8 * 1 + 2,
    "I": _DIRECTIVE + 64 * 3 + 8 * 1 + 2,
    "M": _DIRECTIVE + 64 * 4 + 8 * 1 + 2,
    "S": _DIRECTIVE + 64 * 5 + 8 * 1 + 2,
    "f": _FRACTION_CODE,
    "p": _HALF_CODE,
    "b": _MONTH_CODE,
    "a": _WEEKDAY_CODE,
    "z": _OFFSET_CODE,
    "h": _HOUR_MINUTE_CODE,
    "j": _HOUR_SECOND_CODE,
}
_MONTHS = np.frombuffer(b"janfebmaraprmayjunjulaugsepoctnovdec", np.uint8)

Int64s = NDArray[np.int64]


def parse_stamps(fields: Fields, column: int, templates: tuple[str, ...]) -> tuple[Int64s, Int64s, NDArray[np.bool_]]:
    """Read a column with the first template that fits each value.

    Returns
    -------
    tuple
        (R,) local ms since 1970 (ms of the day for a template without a date), (R,) offset ms or ``NO_OFFSET``, and
        (R,) whether a template fitted.
    """
    rows = fields.lines.size
    local = np.zeros(rows, np.int64)
    offsets = np.full(rows, NO_OFFSET, np.int64)
    fitted = np.zeros(rows, np.bool_)
    for template in templates:
        _parse(
            fields.data, fields.starts[:, column], fields.ends[:, column], _codes(template),
            "%Y" in template or "%y" in template, _MONTHS,
            local, offsets, fitted,
        )  # fmt: skip
        if fitted.all():
            break
    return local, offsets, fitted


def _codes(template: str) -> NDArray[np.int16]:
    """Spell a template for the kernel: bytes as they are, numbers as part, least and most digits, the rest by name."""
    if template in _WHOLE:
        return np.array([_WHOLE[template]], np.int16)
    codes: list[int] = []
    at = 0
    while at < len(template):
        if template[at] == "%":
            codes.append(_DIRECTIVES[template[at + 1]])
            at += 2
        else:
            codes.append(ord(template[at]))
            at += 1
    return np.array(codes, np.int16)


@njit(cache=True)
def _parse(
    data: Bytes,
    starts: Offsets,
    ends: Offsets,
    codes: NDArray[np.int16],
    dated: bool,
    months: Bytes,
    local: Int64s,
    offsets: Int64s,
    fitted: NDArray[np.bool_],
) -> None:  # pragma: no cover - compiled
    parts = np.zeros(8, np.int64)  # year, month, day, hour, minute, second, ms, half of the day (1 AM, 2 PM)
    for row in range(starts.size):
        if fitted[row]:
            continue
        at, end = starts[row], ends[row]
        if EPOCH_CODE <= codes[0] <= OF_DAY_CODE:
            value = count_ms(data, at, end, codes[0])
            if value >= 0:
                local[row], fitted[row] = value, True
                if codes[0] < SERIAL_CODE:
                    offsets[row] = 0
            continue
        at, offset = _match(data, at, end, codes, months, parts)
        if at == end:
            value = _local_ms(parts, dated)
            if value != _NONE:
                local[row], offsets[row], fitted[row] = value, offset, True


@njit(cache=True)
def _match(
    data: Bytes, at: int, end: int, codes: NDArray[np.int16], months: Bytes, parts: Int64s
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Read one stamp into ``parts``; the offset in the data after it, or -1, and its offset from UTC."""
    parts[:] = 0
    parts[1] = parts[2] = 1
    offset = NO_OFFSET
    for code in codes:
        if code == _OFFSET_CODE:
            offset, at = _offset_ms(data, at, end)
        elif code < _DIRECTIVE:
            at = _literal(data, at, end, code)
        elif code < _WORDS:
            part = (code - _DIRECTIVE) // 64
            parts[part], at = digits(data, at, end, (code - _DIRECTIVE) % 64 // 8, code % 8)
        elif code >= _HOUR_MINUTE_CODE:
            value, at = digits(data, at, end, 1, 4 if code == _HOUR_MINUTE_CODE else 6)
            if code == _HOUR_SECOND_CODE:
                parts[5] = value % 100
                value //= 100
            parts[3], parts[4] = value // 100, value % 100
        else:
            at = _word(data, at, end, code, months, parts)
        if at < 0:
            break
    return at, offset


@njit(cache=True)
def _literal(data: Bytes, at: int, end: int, byte: int) -> int:  # pragma: no cover - compiled
    """Offset after one byte, or after any number of spaces; -1 where it is not there."""
    if at >= end or data[at] != byte:
        return -1
    at += 1
    while byte == 32 and at < end and data[at] == 32:
        at += 1
    return at


@njit(cache=True)
def _word(
    data: Bytes, at: int, end: int, code: int, months: Bytes, parts: Int64s
) -> int:  # pragma: no cover - compiled
    """Read a fraction, AM or PM, or the name of a month or a day, of which three letters count."""
    first = at
    if code == _FRACTION_CODE:
        value, at = digits(data, at, end, 1, 9)
        if at > 0:
            parts[6] = value * 1000 // 10 ** (at - first)
        return at
    while at < end and 97 <= data[at] | 32 <= 122:
        at += 1
    if code == _HALF_CODE:
        parts[7] = 1 if data[first] | 32 == 97 else 2
        return at if at - first == 2 and data[first] | 32 in (97, 112) and data[first + 1] | 32 == 109 else -1
    if at - first < 3:
        return -1
    if code == _MONTH_CODE:
        parts[1] = 0
        for month in range(12):
            name = months[3 * month : 3 * month + 3]
            if data[first] | 32 == name[0] and data[first + 1] | 32 == name[1] and data[first + 2] | 32 == name[2]:
                parts[1] = month + 1
    return at


@njit(cache=True)
def _local_ms(parts: Int64s, dated: bool) -> int:  # pragma: no cover - compiled
    """Milliseconds since 1970, or of the day where there is no date; ``_NONE`` where a part is out of range."""
    year, month, day = int(parts[0]), int(parts[1]), int(parts[2])
    hour, minute, second = int(parts[3]), int(parts[4]), int(parts[5])
    if parts[7] > 0:
        if not 1 <= hour <= 12:
            return _NONE
        hour = hour % 12 + (12 if parts[7] == 2 else 0)
    ends_day = hour == 24 and minute == 0 and second == 0 and parts[7] == 0
    if (hour > 23 and not ends_day) or minute > 59 or second > 59:
        return _NONE
    of_day = ((hour * 60 + minute) * 60 + second) * 1000 + int(parts[6])
    if not dated:
        return of_day
    if year < 100:  # two digits: 1970 to 2069
        year += 1900 if year >= 70 else 2000
    if not 1900 <= year < 2200 or not 1 <= month <= 12 or day < 1:
        return _NONE
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 30 + (month + month // 8) % 2
    if month == 2:
        longest = 29 if leap else 28
    if day > longest:
        return _NONE
    # days since 1970 in the calendar whose year begins in March
    y = year - 1 if month <= 2 else year
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return days * 86_400_000 + of_day


@njit(cache=True)
def _offset_ms(data: Bytes, at: int, end: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """Offset from UTC (``Z``, ``UTC``, ``+02:00``, ``-0600``, ``GMT+1``) in ms, and where it ends, or -1."""
    while at < end and data[at] == 32:
        at += 1
    named = False
    if at < end and data[at] | 32 == 122:
        return 0, at + 1
    if at + 3 <= end and data[at + 2] | 32 in (99, 116):  # UTC, GMT
        named = (data[at] | 32 == 117 and data[at + 1] | 32 == 116) or (
            data[at] | 32 == 103 and data[at + 1] | 32 == 109
        )
        if not named:
            return 0, -1
        at += 3
    if at >= end:
        return 0, (at if named else -1)
    if data[at] not in (43, 45):
        return 0, -1
    minus = data[at] == 45
    hours, at = digits(data, at + 1, end, 1, 2)
    minutes = 0
    if 0 <= at < end:
        if data[at] == 58:
            at += 1
        minutes, at = digits(data, at, end, 2, 2)
    if at < 0 or hours > 14 or minutes > 59:
        return 0, -1
    offset = (hours * 60 + minutes) * 60_000
    return (-offset if minus else offset), at
