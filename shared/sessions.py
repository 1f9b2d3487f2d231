"""Calendars of sessions: the foreign exchange week, and the trading days of exchanges."""

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shared.errors import InputError
from shared.steps import whole_candles_between

FX = "fx"
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_LONGEST_LOOK_MS = 31 * _DAY_MS  # no market rests for longer
_FIRST_DAY, _LAST_DAY = date(1990, 1, 1), date(2049, 12, 31)
_FRIDAY = 4

Int64s = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sessions:
    """Stretches of trading, ascending: (K,) opens and closes, UTC ms."""

    opens: Int64s
    closes: Int64s

    def traded_before(self, instants: Int64s) -> Int64s:
        """Milliseconds of trading before each instant (N,)."""
        lengths = self.closes - self.opens
        whole = np.concatenate([[0], np.cumsum(lengths)])
        begun = np.searchsorted(self.opens, instants, side="right")
        last = np.maximum(begun - 1, 0)
        part = np.minimum(instants - self.opens[last], lengths[last])
        return np.asarray(np.where(begun > 0, whole[last] + part, 0), np.int64)


class SessionCalendar:
    """A candle belongs to it when at least half of its width, or of a session, is trading time.

    So days need not be cut where the sessions are, and the first and last minutes of a session do not matter.
    """

    def __init__(self, sessions: Sessions, width_ms: int) -> None:
        self._sessions, self._width_ms = sessions, width_ms

    def missing(self, previous_t: int, t: int) -> int:
        """Candles of the sessions between two; a month of them is looked at."""
        width_ms, sessions = self._width_ms, self._sessions
        count = min(whole_candles_between(previous_t, t, width_ms), _LONGEST_LOOK_MS // width_ms + 1)
        if not count:
            return 0
        begins = previous_t + width_ms * np.arange(1, count + 1)
        traded = sessions.traded_before(begins + width_ms) - sessions.traded_before(begins)
        at = np.minimum(np.searchsorted(sessions.closes, begins, side="right"), len(sessions.closes) - 1)
        least = np.minimum(width_ms, sessions.closes[at] - sessions.opens[at])
        return int(((traded > 0) & (2 * traded >= least)).sum())


@lru_cache(maxsize=1)
def fx_sessions() -> Sessions:
    """The foreign exchange week: Sunday 18:00 to Friday 16:00 in New York, without Christmas and New Year's Day.

    The market's own hours are 17:00 to 17:00; brokers open late and close early by up to an hour.
    """
    zone = ZoneInfo("America/New_York")
    opens: list[int] = []
    closes: list[int] = []
    day = _FIRST_DAY
    while day <= _LAST_DAY:
        if day.weekday() <= _FRIDAY and (day.month, day.day) not in ((12, 25), (1, 1)):
            begin, end = (_ms(one, zone) for one in (day - timedelta(days=1), day))
            if closes and closes[-1] == begin:
                closes[-1] = end
            else:
                opens.append(begin)
                closes.append(end)
        day += timedelta(days=1)
    return Sessions(np.array(opens, np.int64) + _HOUR_MS, np.array(closes, np.int64) - _HOUR_MS)


def _ms(day: date, zone: ZoneInfo) -> int:
    """17:00 of a day, UTC ms."""
    return round(datetime.combine(day, time(17), zone).astimezone(UTC).timestamp() * 1_000)


@lru_cache(maxsize=256)
def exchange_sessions(code: str) -> Sessions:
    """Sessions of an exchange, 1990 to 2049 as far as they are known, lunch breaks taken out.

    Parameters
    ----------
    code
        As exchange_calendars knows it: mostly the ISO 10383 code of the market, such as ``XNYS``.

    Raises
    ------
    InputError
        The code is not known, or the library is not installed.
    """
    try:
        import exchange_calendars  # noqa: PLC0415 - an extra: few series have an exchange
    except ImportError:
        mend = "install natron[calendars], or use 24x7, fx or learned"
        raise InputError("calendar", code, "needs the package exchange_calendars", mend) from None
    if code not in exchange_calendars.get_calendar_names():
        raise InputError("calendar", code, "is no exchange that is known", "use 24x7, fx, learned or a code like XNYS")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own use of pandas
        known: Any = exchange_calendars.get_calendar(code)
        earliest, latest = known.bound_min(), known.bound_max()
        first = max(_FIRST_DAY, earliest.date()) if earliest else _FIRST_DAY
        last = min(_LAST_DAY, latest.date()) if latest else _LAST_DAY
        found: Any = exchange_calendars.get_calendar(code, start=first.isoformat(), end=last.isoformat())
    nanos = [found.opens_nanos, found.break_starts_nanos, found.break_ends_nanos, found.closes_nanos]
    begin, pause, resume, end = (np.asarray(column, np.int64) // 1_000_000 for column in nanos)
    paused = np.asarray(found.break_starts_nanos, np.int64) > 0  # no break is a negative number
    opens = np.concatenate([begin, resume[paused]])
    closes = np.concatenate([np.where(paused, pause, end), end[paused]])
    return Sessions(np.sort(opens), np.sort(closes))
