"""LIVE, LATE, SILENT or CLOSED, by the series' own calendar."""

from datetime import UTC, datetime

import numpy as np
import pytest

from gateway.series_state import GRACE_MS, State, live_standing, replay_standing
from shared.calendar import fixed_calendar
from shared.contracts import Series
from shared.learned_calendar import FirstWeeks

HOUR_MS = 3_600_000
SERIES = Series("EURUSD", "H1")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


FRIDAY_LAST = ms("2024-06-07 19:00")  # the last hour of its week: 15:00 to 16:00 in New York


def state(last: int, now: int, name: str = "fx") -> tuple[State, int]:
    found = live_standing(SERIES, last, now, fixed_calendar(name, HOUR_MS), 0)
    assert found.why
    return found.state, found.missing


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(1.0, (State.LIVE, 0)), (1.99, (State.LIVE, 0)), (2.1, (State.LATE, 1)), (3.5, (State.LATE, 2)),
     (4.5, (State.SILENT, 3)), (100.5, (State.SILENT, 99))],
)  # fmt: skip
def test_a_feed_is_late_by_the_candles_that_closed_without_it(hours: float, expected: tuple[State, int]) -> None:
    last = ms("2024-06-05 08:00")
    assert state(last, last + round(hours * HOUR_MS), "24x7") == expected


def test_a_candle_may_take_its_time_to_arrive() -> None:
    last = ms("2024-06-05 08:00")
    closed = last + 2 * HOUR_MS
    assert state(last, closed + GRACE_MS - 1) == (State.LIVE, 0)
    assert state(last, closed + GRACE_MS) == (State.LATE, 1)


def test_a_weekend_is_closed_and_monday_is_not() -> None:
    assert state(FRIDAY_LAST, FRIDAY_LAST + 2 * HOUR_MS)[0] is State.LIVE
    assert state(FRIDAY_LAST, ms("2024-06-08 12:00")) == (State.CLOSED, 0)
    assert state(FRIDAY_LAST, ms("2024-06-09 20:00")) == (State.CLOSED, 0)
    assert state(FRIDAY_LAST, ms("2024-06-10 12:00"))[0] is State.SILENT
    assert state(ms("2024-06-07 10:00"), ms("2024-06-08 12:00"))[0] is State.SILENT  # it stopped on Friday morning


def test_a_learned_calendar_knows_the_nights_of_its_market() -> None:
    weeks, first = FirstWeeks(HOUR_MS), ms("2024-01-01 08:00")
    days = [first + day * 24 * HOUR_MS for day in range(56) if day % 7 < 5]
    weeks.add(np.array([day + hour * HOUR_MS for day in days for hour in range(9)], np.int64))
    calendar, fixed_t = weeks.calendar(), weeks.fixed_t
    last = ms("2024-03-06 16:00")

    def at(text: str) -> State:
        return live_standing(SERIES, last, ms(text), calendar, fixed_t).state

    assert at("2024-03-06 17:30") is State.LIVE
    assert at("2024-03-06 23:30") is State.CLOSED
    assert at("2024-03-07 15:30") is State.SILENT


def test_before_a_calendar_is_learned_every_candle_counts() -> None:
    weeks = FirstWeeks(HOUR_MS)
    weeks.add(np.array([ms("2024-01-01 08:00")], np.int64))
    last = ms("2024-01-05 22:00")
    found = live_standing(SERIES, last, ms("2024-01-07 12:00"), weeks.calendar(), weeks.fixed_t)
    assert (found.state, "not learned yet" in found.why) == (State.SILENT, True)


def test_a_replay_is_live_while_it_runs_and_never_late() -> None:
    assert replay_standing(1_000_000, 1_005_000).state is State.LIVE
    assert replay_standing(1_000_000, 2_000_000).state is State.CLOSED
    assert replay_standing(None, 1).state is State.CLOSED
