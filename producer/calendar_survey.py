"""The calendar that a file's candles teach, and the gaps it finds in them: behind ``natron candles calendar``."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from producer.exports.export import Export
from producer.exports.options import ReadOptions
from shared.errors import FormatError
from shared.learned_calendar import FirstWeeks, LearnedCalendar, Stretch

_SHOWN = 10
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MS, _HOUR_MS, _MINUTE_MS = 86_400_000, 3_600_000, 60_000


@dataclass(frozen=True)
class CalendarSurvey:
    """What a file's candles teach.

    Attributes
    ----------
    first, fixed
        Open time of the first candle, and the end of the first eight weeks; UTC ms.
    is_fixed
        Whether the file goes on after that; before it nothing is a gap.
    weeks
        How many of the first eight have candles.
    open
        Stretches of the week that candles are expected in, UTC, such as ``Sun 22:00 - Fri 21:45``.
    patience
        Missing candles that are no gap yet, where the market often rests.
    candles
        How many there are, each once.
    gaps, share
        Candles with a gap directly before them, and their part of all; the first ``examples`` say which are missing.
    """

    timeframe: str
    tz: str
    first: int
    fixed: int
    is_fixed: bool
    weeks: int
    open: list[str]
    patience: int
    candles: int
    gaps: int
    share: float
    examples: list[dict[str, int]]

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def survey_calendar(path: Path, options: ReadOptions) -> CalendarSurvey:
    """Read a file through, in flat memory, as a replay would.

    Raises
    ------
    InputError
        The file cannot be opened or read for certain, or holds no candle.
    """
    export = Export(path, options)
    width_ms = export.grid.width_ms
    weeks = FirstWeeks(width_ms)
    calendar: LearnedCalendar | None = None
    candles, newest, gaps = 0, 0, 0
    examples: list[dict[str, int]] = []
    for block in export.blocks():
        t = _rising(block.candles["t"], newest)
        if not t.size:
            continue
        candles += t.size
        weeks.add(t)
        calendar = calendar or (weeks.calendar() if t[-1] >= weeks.fixed_t else None)
        steps = np.diff(t, prepend=newest or t[0])
        for at in np.flatnonzero(steps > width_ms).tolist() if calendar else []:
            before = int(t[at]) - int(steps[at])
            missing = calendar.missing(before, int(t[at])) if calendar else 0
            gaps += missing > 0
            if missing and len(examples) < _SHOWN:
                examples.append({"after": before, "t": int(t[at]), "missing": missing})
        newest = int(t[-1])
    if not candles:
        raise FormatError("file", str(path), "holds no candles", "give another file")
    learned = calendar or weeks.calendar()
    return CalendarSurvey(
        timeframe=export.grid.timeframe,
        tz=export.tz,
        first=learned.first_t,
        fixed=learned.fixed_t,
        is_fixed=calendar is not None,
        weeks=learned.weeks_seen,
        open=[_told(stretch) for stretch in learned.stretches()],
        patience=learned.patience,
        candles=candles,
        gaps=gaps,
        share=gaps / candles,
        examples=examples,
    )


def _rising(t: NDArray[np.int64], newest: int) -> NDArray[np.int64]:
    """Those that admission would take: each after all before it."""
    if not t.size:
        return t
    before = np.maximum.accumulate(np.concatenate([[newest], t[:-1]]))
    return np.asarray(t[t > before])


def _told(stretch: Stretch) -> str:
    return f"{_moment(stretch.begin_ms)} - {_moment(stretch.end_ms)}"


def _moment(of_week_ms: int) -> str:
    day, rest = divmod(of_week_ms, _DAY_MS)
    return f"{_DAYS[day % 7]} {rest // _HOUR_MS:02}:{rest % _HOUR_MS // _MINUTE_MS:02}"
