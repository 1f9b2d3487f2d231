"""Clocks of candle sources: local stamps to UTC.

A zone is an IANA name, a fixed offset (``+02:00``, ``UTC+2``), ``broker-eu`` or ``broker-us``. Both brokers keep
UTC+2 in winter and UTC+3 in summer: the first changes with Europe (01:00 UTC), the second with New York, whose
17:00 is its midnight all year.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from shared.errors import InputError

_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_FIXED = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_BROKERS = {"broker-eu": ("Europe/Athens", 0), "broker-us": ("America/New_York", 7 * _HOUR_MS)}

Int64s = NDArray[np.int64]


@dataclass(frozen=True)
class Readings:
    """What local stamps mean in UTC.

    Attributes
    ----------
    earlier, later
        (N,) UTC ms, ``earlier <= later``. They differ where the local clock shows a stamp twice, or never: then by the
        new clock and by the old one.
    skipped
        (N,) whether the local clock never shows the stamp.
    """

    earlier: Int64s
    later: Int64s
    skipped: NDArray[np.bool_]


@dataclass
class _Transitions:
    """Instants (UTC ms) at which an offset changes, and the offsets (ms) around them: one more than instants."""

    first_year: int = 0
    last_year: int = -1
    instants: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    offsets: Int64s = field(default_factory=lambda: np.zeros(1, np.int64))


class Zone:
    """One source's clock.

    Parameters
    ----------
    name
        As the user spelled it.
    rules
        The IANA zone whose changes it follows; None for a fixed offset.
    shift_ms
        Added to the rules' offset, or the fixed offset itself.
    """

    def __init__(self, name: str, rules: ZoneInfo | None, shift_ms: int) -> None:
        self.name = name
        self._rules, self._shift_ms = rules, shift_ms
        self._known = _Transitions()

    @property
    def changes(self) -> bool:
        """Whether its offset may change over time."""
        return self._rules is not None

    def readings(self, local_ms: Int64s) -> Readings:
        """Read local stamps (N,), milliseconds since 1970-01-01 00:00 on this clock."""
        if self._rules is None or not local_ms.size:
            utc = local_ms - self._shift_ms
            return Readings(utc, utc, np.zeros(len(utc), np.bool_))
        self._cover(int(local_ms.min()), int(local_ms.max()))
        instants, offsets = self._known.instants, self._known.offsets
        old_ends = instants + offsets[:-1]  # local time at which the old offset's days are over
        new_starts = instants + offsets[1:]
        by_old = np.searchsorted(old_ends, local_ms, side="right")
        by_new = np.searchsorted(new_starts, local_ms, side="right")
        return Readings(local_ms - offsets[by_old], local_ms - offsets[by_new], by_old > by_new)

    def offsets(self, utc_ms: Int64s) -> Int64s:
        """How far this clock is ahead of UTC at instants (N,), ms."""
        if self._rules is None or not utc_ms.size:
            return np.full(len(utc_ms), self._shift_ms, np.int64)
        self._cover(int(utc_ms.min()), int(utc_ms.max()))
        return self._known.offsets[np.searchsorted(self._known.instants, utc_ms, side="right")]

    def _cover(self, first_ms: int, last_ms: int) -> None:
        first, last = _year(first_ms) - 1, _year(last_ms) + 1
        known = self._known
        if known.first_year <= first and last <= known.last_year:
            return
        if known.last_year >= known.first_year:
            first, last = min(first, known.first_year), max(last, known.last_year)
        self._known = self._search(first, last)

    def _search(self, first_year: int, last_year: int) -> _Transitions:
        start = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp() * 1000)
        stop = int(datetime(last_year + 1, 1, 1, tzinfo=UTC).timestamp() * 1000)
        instants: list[int] = []
        offsets = [self._offset_ms(start)]
        for day in range(start, stop, _DAY_MS):
            after = self._offset_ms(day + _DAY_MS)
            if after != offsets[-1]:
                instants.append(self._change(day, day + _DAY_MS))
                offsets.append(after)
        return _Transitions(first_year, last_year, np.array(instants, np.int64), np.array(offsets, np.int64))

    def _change(self, low_ms: int, high_ms: int) -> int:
        before = self._offset_ms(low_ms)
        while high_ms - low_ms > 1000:
            middle = (low_ms + high_ms) // 2000 * 1000
            low_ms, high_ms = (middle, high_ms) if self._offset_ms(middle) == before else (low_ms, middle)
        return high_ms

    def _offset_ms(self, utc_ms: int) -> int:
        assert self._rules is not None
        offset = datetime.fromtimestamp(utc_ms / 1000, self._rules).utcoffset() or timedelta()
        return int(offset.total_seconds() * 1000) + self._shift_ms


UTC_ZONE = Zone("UTC", None, 0)


_THIS_HOST = {"localtime", "posixrules", "factory"}
"""Files beside the zones, which say something else on every machine."""


def parse_zone(text: str) -> Zone:
    """Zone of a user's ``--tz``.

    Raises
    ------
    InputError
        It is no zone.
    """
    name = text.strip()
    if name.upper() in {"UTC", "GMT", "Z"}:
        return UTC_ZONE
    if name.lower() in _BROKERS:
        rules, shift_ms = _BROKERS[name.lower()]
        return Zone(name.lower(), ZoneInfo(rules), shift_ms)
    fixed = _FIXED.fullmatch(name)
    if fixed:
        return _fixed_zone(text, fixed)
    if name.lower() in _THIS_HOST:
        raise _bad_zone(text)
    try:
        return Zone(name, ZoneInfo(name), 0)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _bad_zone(text) from None


def _fixed_zone(text: str, match: re.Match[str]) -> Zone:
    sign, hours, minutes = match[1], int(match[2]), int(match[3] or 0)
    if hours > 14 or minutes > 59:
        raise _bad_zone(text)
    offset_ms = (hours * 60 + minutes) * 60_000 * (-1 if sign == "-" else 1)
    return Zone(f"UTC{sign}{hours:02}:{minutes:02}", None, offset_ms)


def _bad_zone(text: str) -> InputError:
    return InputError(
        "tz",
        text,
        "is no time zone",
        "give an IANA zone, an offset such as +02:00, broker-eu, broker-us or UTC",
    )


def _year(ms: int) -> int:
    return min(max(datetime.fromtimestamp(ms / 1000, UTC).year, 1971), 2199)
