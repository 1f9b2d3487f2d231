"""Which clock a source keeps, told by when its weeks end and begin.

Currencies trade from Sunday 17:00 to Friday 17:00 of New York. On a clock that changes with New York the week begins at
one hour all year; on one that changes with Europe it begins an hour earlier in the weeks when America has summer time
and Europe has not (March, October and November); on a fixed clock it does so all summer. Many terminals drop what is
before Monday 00:00 of their clock, so where a week begins then and its end tells of an hour less, the end is right.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from producer.zones import Zone, parse_zone
from shared.errors import FormatError
from shared.timeframe import timeframe_name

_MINUTE_MS = 60_000
_HALF_HOUR_MS = 30 * _MINUTE_MS
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_CLOSED_MS = 36 * _HOUR_MS  # a weekend is 48 hours, or 49; a holiday before or after makes it longer
_NEW_YORK, _LONDON = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")
_ASK = "give --tz: an IANA zone, an offset such as +02:00, broker-eu or broker-us"
_EUROPEAN: dict[float, str] = {2: "broker-eu", 1: "Europe/Berlin", 0: "Europe/London"}
_AMERICAN: dict[float, str] = {2: "broker-us", -5: "America/New_York", -6: "America/Chicago", -8: "America/Los_Angeles"}
_LEAST_EVENTS = {"winter": 4, "summer": 4, "america alone": 2, "europe alone": 2}
_AGREEING = 0.75

Int64s = NDArray[np.int64]


class Weekends:
    """Ends and beginnings of a file's weeks: the stamps around gaps that span a Saturday. Memory grows by weeks."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.begins: list[int] = []
        self.first: int | None = None
        self.last = 0

    def add(self, local_ms: Int64s) -> None:
        """Take in stamps (N,) in the order of time; steps backward are passed over."""
        if not local_ms.size:
            return
        self.first = int(local_ms[0]) if self.first is None else self.first
        times = np.concatenate([[self.last or local_ms[0]], local_ms])
        at = np.flatnonzero(np.diff(times) > _CLOSED_MS)
        self.ends.extend(times[at].tolist())
        self.begins.extend(times[at + 1].tolist())
        self.last = int(local_ms[-1])

    @property
    def weeks(self) -> float:
        """Weeks from the first stamp to the last."""
        return (self.last - (self.first or self.last)) / (7 * _DAY_MS)


@dataclass(frozen=True)
class _Event:
    """A week's end or beginning: hours that the local clock is ahead of UTC by it, if the market is a usual one."""

    season: str
    offset_ms: int
    midnight: bool


def infer_zone(weekends: Weekends, width_ms: int) -> Zone:
    """Clock of a source.

    Parameters
    ----------
    width_ms
        Of the candles: up to an hour, or the ends of a week do not show.

    Raises
    ------
    FormatError
        The data does not settle it; the error says why, and which clocks fit.
    """
    if width_ms > _HOUR_MS:
        raise _unsettled(timeframe_name(width_ms), "candles are too wide to show when a week begins")
    if weekends.weeks < 2:
        raise _unsettled("auto", "the file spans less than two weeks")
    if len(weekends.begins) < 0.6 * int(weekends.weeks):
        raise _unsettled("auto", "the file has candles on weekends, or holes in place of weeks: no week ends in it")
    begins = [_begin(local) for local in weekends.begins]
    ends = [_end(local + width_ms) for local in weekends.ends]
    _check_week(weekends, width_ms)
    late_ms = _lateness(begins, ends)
    begins = [replace(event, offset_ms=event.offset_ms - late_ms) for event in begins]
    return _settle({season: _offset(season, begins, ends) for season in _LEAST_EVENTS})


def _begin(local_ms: int) -> _Event:
    """A week's beginning; a first candle that is minutes late counts from the half-hour."""
    local_ms = local_ms // _HALF_HOUR_MS * _HALF_HOUR_MS
    return _event(local_ms, weekday=6)


def _end(local_ms: int) -> _Event:
    """A week's end; a last candle that is minutes early counts to the half-hour."""
    return _event(-(-local_ms // _HALF_HOUR_MS) * _HALF_HOUR_MS, weekday=4)


def _event(local_ms: int, weekday: int) -> _Event:
    """Compare with 17:00 of New York on the nearest day of the kind."""
    moment = datetime.fromtimestamp(local_ms / 1000, UTC)
    near = min(
        (moment.date() + timedelta(days=k) for k in range(-3, 4)), key=lambda day: _distance(day, weekday, moment)
    )
    usual = datetime(near.year, near.month, near.day, 17, tzinfo=_NEW_YORK)
    return _Event(_season(usual), local_ms - int(usual.timestamp() * 1000), local_ms % _DAY_MS == 0)


def _distance(day: date, weekday: int, moment: datetime) -> float:
    """Hours between a local stamp and the evening of a day, beyond all measure where it is another weekday."""
    evening = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    return abs((moment - evening).total_seconds()) / 3600 + (1e6 if day.weekday() != weekday else 0)


def _season(moment: datetime) -> str:
    """Who has summer time: both, none, America alone (since 2007), or Europe alone (before)."""
    america, europe = bool(moment.dst()), bool(moment.astimezone(_LONDON).dst())
    if america != europe:
        return "america alone" if america else "europe alone"
    return "summer" if america else "winter"


def _check_week(weekends: Weekends, width_ms: int) -> None:
    """A week of currencies or metals lasts 119 or 120 hours, minutes missing at either side."""
    lengths = np.array(weekends.ends[1:]) + width_ms - np.array(weekends.begins[:-1])
    usual = (lengths > 118 * _HOUR_MS) & (lengths <= 120 * _HOUR_MS)
    if not lengths.size or usual.mean() < 0.5:
        hours = float(np.median(lengths)) / _HOUR_MS if lengths.size else 0.0
        raise _unsettled("auto", f"its weeks last {hours:g} hours, not the 119 or 120 of currencies and metals")


def _lateness(begins: list[_Event], ends: list[_Event]) -> int:
    """How much later than at 17:00 weeks begin: 0, or an hour for metals, told against when they end."""
    late = [
        begin.offset_ms - end.offset_ms for begin, end in zip(begins, ends, strict=True) if begin.season == end.season
    ]
    (common, count), *_ = Counter(late).most_common(1) or [(-1, 0)]
    if common not in (0, _HOUR_MS) or count < 0.5 * max(len(late), 1):
        raise _unsettled("auto", "its weeks do not begin on Sunday 17:00 or 18:00 and end on Friday 17:00 of New York")
    return common


def _offset(season: str, begins: list[_Event], ends: list[_Event]) -> float | None:
    """Hours ahead of UTC in a season; None where too few of its weeks agree."""
    first = [event for event in begins if event.season == season]
    last = Counter(event.offset_ms for event in ends if event.season == season)
    common_ms = last.most_common(1)[0][0] if last else None
    dropped = [event for event in first if event.midnight and event.offset_ms - _HOUR_MS == common_ms]
    counts = last + Counter(event.offset_ms for event in first if event not in dropped)
    if not counts:
        return None
    (offset_ms, count), *_ = counts.most_common(1)
    settled = count >= _LEAST_EVENTS[season] and count >= _AGREEING * counts.total()
    return offset_ms / _HOUR_MS if settled else None


def _settle(offsets: dict[str, float | None]) -> Zone:
    if all(value is None for value in offsets.values()):
        raise _unsettled("auto", "too few of its weeks begin and end alike")
    fitting = [
        name
        for name, expected in _candidates({value for value in offsets.values() if value is not None})
        if all(seen in (None, ahead) for seen, ahead in zip(offsets.values(), expected, strict=True))
    ]
    if len(fitting) == 1 and "time" not in fitting[0]:
        return parse_zone(fitting[0])
    told = ", ".join(f"{name} {_hours(value)}" for name, value in offsets.items() if value is not None)
    lacking = [name for name, value in offsets.items() if value is None]
    if len(fitting) < 2:
        raise _unsettled("auto", f"no known clock is ahead of UTC as this one ({told})")
    raise _unsettled(
        "auto", f"its weeks fit {' and '.join(fitting)} (ahead of UTC: {told}; too few weeks of: {', '.join(lacking)})"
    )


def _candidates(seen: set[float]) -> list[tuple[str, tuple[float, ...]]]:
    """Clocks near what was seen, and the hours each is ahead of UTC in the seasons of ``_LEAST_EVENTS``."""
    found: list[tuple[str, tuple[float, ...]]] = []
    for base in sorted(seen | {value - 1 for value in seen}):
        found.append((_fixed(base), (base, base, base, base)))
        european = _EUROPEAN.get(base, f"{_hours(base)} with Europe's summer time")
        american = _AMERICAN.get(base, f"{_hours(base)} with America's summer time")
        found.append((european, (base, base + 1, base, base + 1)))
        found.append((american, (base, base + 1, base + 1, base)))
    return found


def _fixed(hours: float) -> str:
    return _hours(hours) if hours else "UTC"


def _hours(hours: float) -> str:
    minutes = round(abs(hours) * 60)
    return f"{'-' if hours < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _unsettled(value: object, why: str) -> FormatError:
    return FormatError("tz", value, f"cannot be told from the data: {why}", _ASK)
