"""Whether a series' feed is as it should be: LIVE, LATE, SILENT or CLOSED, judged by the series' own calendar."""

import enum
from dataclasses import dataclass

from shared.calendar import Calendar
from shared.contracts import Series
from shared.learned_calendar import WEEK_MS, LearnedCalendar

GRACE_MS = 10_000
"""A closed candle may take so long: most feeds send it only once its successor has begun to trade."""
SILENT_FROM = 3
"""Candles that a feed lacks when it counts as silent."""
REPLAY_PAUSE_MS = 10_000
"""A replay that sent nothing for so long has ended."""
_MONDAY_MS = 345_600_000  # 1970-01-05


class State(enum.StrEnum):
    """What may be said of a feed."""

    LIVE = "LIVE"  # nothing is due
    LATE = "LATE"  # the last one or two candles are
    SILENT = "SILENT"  # three or more are
    CLOSED = "CLOSED"  # its market rests, or its replay has ended


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, and why; ``missing`` counts closed candles of the calendar that have not come."""

    state: State
    why: str
    missing: int = 0


def replay_standing(admitted_ms: int | None, now_ms: int) -> Standing:
    """Of a series whose newest candle was replayed: the past has no calendar to be late by."""
    if admitted_ms is None or now_ms - admitted_ms > REPLAY_PAUSE_MS:
        return Standing(State.CLOSED, "a replay, which has ended or pauses")
    return Standing(State.LIVE, "a replay, running")


def live_standing(series: Series, last_t: int, now_ms: int, calendar: Calendar, fixed_t: int) -> Standing:
    """Of a series whose newest candle opened at ``last_t``.

    Parameters
    ----------
    fixed_t
        From when on the calendar knows what is missing, UTC ms; before it, every candle counts.
    """
    width_ms = series.width_ms
    closed = (now_ms - GRACE_MS - last_t) // width_ms - 1  # candles after the last one that have closed
    if closed <= 0:
        return Standing(State.LIVE, "the newest closed candle is here")
    newest_due_t = last_t + closed * width_ms
    if newest_due_t < fixed_t:
        state = State.LATE if closed < SILENT_FROM else State.SILENT
        return Standing(state, f"{closed} closed candles have not come; its calendar is not learned yet", closed)
    missing = calendar.missing(last_t, newest_due_t + width_ms)
    if missing:
        state = State.LATE if missing < SILENT_FROM else State.SILENT
        return Standing(state, f"{missing} closed candles of its calendar have not come", missing)
    if _expected(calendar, newest_due_t, width_ms):
        return Standing(State.LIVE, "its market often goes so long without a trade")
    return Standing(State.CLOSED, "its market rests")


def _expected(calendar: Calendar, t: int, width_ms: int) -> bool:
    """Whether the candle that opens at ``t`` belongs to the calendar, whatever its patience."""
    if not isinstance(calendar, LearnedCalendar):
        return calendar.missing(t - width_ms, t + width_ms) > 0
    into_ms = (t - _MONDAY_MS) % WEEK_MS
    return any(
        stretch.begin_ms <= at < stretch.end_ms
        for stretch in calendar.stretches()
        for at in (into_ms, into_ms + WEEK_MS)  # a stretch may run over the week's end
    )
