"""Trading calendars: which candles a series should have, and so which are missing between two that follow.

A series has one: ``24x7``, ``fx``, an exchange's code such as ``XNYS``, or ``learned`` from its own first weeks.
"""

from typing import Protocol

from shared.errors import InputError
from shared.learned_calendar import LEARNED
from shared.sessions import FX, SessionCalendar, exchange_sessions, fx_sessions
from shared.steps import whole_candles_between

ALWAYS = "24x7"


class Calendar(Protocol):
    """Which candles a series should have."""

    def missing(self, previous_t: int, t: int) -> int:
        """How many candles of the calendar lie between two open times, UTC ms; 0 means that nothing is missing.

        The same question tells a silent feed from a closed market: with the newest candle, and the open time of the
        one that should have arrived by now.
        """
        ...


class AlwaysOpen:
    """Every candle there can be."""

    def __init__(self, width_ms: int) -> None:
        self._width_ms = width_ms

    def missing(self, previous_t: int, t: int) -> int:
        """All that fit between."""
        return whole_candles_between(previous_t, t, self._width_ms)


def fixed_calendar(name: str, width_ms: int) -> Calendar:
    """Calendar of a name, except ``learned``, which only a series' candles give.

    Raises
    ------
    InputError
        There is none of this name, or the library that knows exchanges is not installed.
    """
    if name == ALWAYS:
        return AlwaysOpen(width_ms)
    return SessionCalendar(fx_sessions() if name == FX else exchange_sessions(name), width_ms)


def check_calendar_name(name: str) -> str:
    """Return the name of a calendar as it is stored with a series.

    Raises
    ------
    InputError
        There is none of this name.
    """
    known = {ALWAYS, FX, LEARNED}
    if name.lower() in known:
        return name.lower()
    if not name.isascii() or not name.replace("/", "").isalnum():
        raise InputError("calendar", name, "is no calendar", f"use {', '.join(sorted(known))} or a code such as XNYS")
    exchange_sessions(name.upper())
    return name.upper()
