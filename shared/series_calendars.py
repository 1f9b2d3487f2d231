"""The calendars of series as the broker keeps them, and which candles have a gap directly before them."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from shared.broker import text
from shared.calendar import Calendar, check_calendar_name, fixed_calendar
from shared.contracts import Series
from shared.errors import InputError, StorageError
from shared.learned_calendar import LEARNED, LearnedCalendar
from shared.names import Names
from shared.steps import whole_candles_between


@dataclass(frozen=True, slots=True)
class Step:
    """A candle of a series and the one before it, by open times in UTC ms; ``previous_t`` 0: it is the first."""

    series: Series
    previous_t: int
    t: int


@dataclass(frozen=True, slots=True)
class _Known:
    """A calendar as read from the broker. ``final``: no later candle can change it."""

    calendar: Calendar
    fixed_t: int  # nothing is a gap before it
    final: bool


class SeriesCalendars:
    """Reader of calendars; asks the broker only where candles do not follow directly.

    Parameters
    ----------
    max_series
        Calendars held in memory; the least recently asked for is read again.
    """

    def __init__(self, client: redis.Redis, names: Names, max_series: int) -> None:
        self._client, self._names, self._max_series = client, names, max_series
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def gaps(self, steps: Sequence[Step]) -> list[bool]:
        """Whether a candle of the calendar is missing directly before each step's own; the candles are admitted ones.

        Raises
        ------
        StorageError
            The broker holds a calendar that is none.
        """
        wide = [
            at
            for at, step in enumerate(steps)
            if step.previous_t and whole_candles_between(step.previous_t, step.t, step.series.width_ms)
        ]
        gaps = [False] * len(steps)
        if wide:
            self._read([steps[at] for at in wide])
            for at in wide:
                step = steps[at]
                known = self._known[step.series.key]
                gaps[at] = step.t >= known.fixed_t and known.calendar.missing(step.previous_t, step.t) > 0
            while len(self._known) > self._max_series:
                self._known.popitem(last=False)
        return gaps

    def calendar(self, step: Step) -> tuple[Calendar, int]:
        """Return the calendar of a step's series, and from when on (UTC ms) it says what is missing.

        Raises
        ------
        StorageError
            The broker holds a calendar that is none.
        """
        self._read([step])
        known = self._known[step.series.key]
        return known.calendar, known.fixed_t

    def forget(self) -> None:
        """Drop what is in memory."""
        self._known.clear()

    def _read(self, steps: Sequence[Step]) -> None:
        """Read the calendars that are not known for good, in one call; the newest step of a series decides."""
        newest = {step.series.key: step for step in steps}
        unknown = []
        for key, step in newest.items():
            known = self._known.get(key)
            if known is None or (not known.final and step.t >= known.fixed_t):
                unknown.append(step)
            else:
                self._known.move_to_end(key)
        if not unknown:
            return
        pipeline = self._client.pipeline(transaction=False)
        for step in unknown:
            p, key = step.series.partition, step.series.key
            pipeline.hget(self._names.calendars(p), key)
            pipeline.get(self._names.weeks(p, key))
        replies = pipeline.execute()
        for step, stored, bits in zip(unknown, replies[::2], replies[1::2], strict=True):
            self._known[step.series.key] = _parse(step, stored, bits or b"")


def _parse(step: Step, stored: bytes | None, bits: bytes) -> _Known:
    """Read ``name`` or ``learned first-t`` and the bits of the first weeks."""
    series, width_ms = step.series, step.series.width_ms
    name, _, first = (LEARNED if stored is None else stored.decode(errors="replace")).partition(" ")
    try:
        if name != LEARNED:
            return _Known(fixed_calendar(name, width_ms), 0, final=True)
        if not first:  # a series from before calendars: it learns from its next candle on
            return _Known(LearnedCalendar.from_bits(step.t, b"", width_ms), step.t + 1, final=False)
        learned = LearnedCalendar.from_bits(int(first), bits, width_ms)
        return _Known(learned, learned.fixed_t, final=step.t >= learned.fixed_t)
    except (InputError, ValueError) as error:
        rule = f"calendar of {series.key} = {stored!r}: {error}"
        raise StorageError(f"{rule}; make this machine know it, or restore the broker's data") from None


class CalendarChoice:
    """Chooses calendars for series."""

    def __init__(self, client: redis.Redis, names: Names) -> None:
        self._client, self._names = client, names

    def choose(self, series: Series, name: str) -> None:
        """Give a series its calendar; it keeps the one that it has from its first candle on.

        Raises
        ------
        InputError
            There is no such calendar, or the series has another.
        """
        name = check_calendar_name(name)
        key = self._names.calendars(series.partition)
        self._client.hsetnx(key, series.key, name)
        held = text(self._client.hget(key, series.key) or b"").partition(" ")[0]
        if held != name:
            raise InputError(
                "calendar", name, f"is not that of {series.key}, which has {held}", f"say {held} or nothing"
            )
