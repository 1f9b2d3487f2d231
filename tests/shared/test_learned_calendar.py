"""The calendar that a series learns: the same from any pieces, blind to daylight saving, and no flood of gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.learned_calendar import LEARNING_WEEKS, WEEK_MS, FirstWeeks, LearnedCalendar
from shared.timeframe import TIMEFRAMES_S

HOUR, DAY = 3_600_000, 86_400_000
M15 = 900_000
MONDAY = 1_704_067_200_000  # 2024-01-01 00:00 UTC
Int64s = NDArray[np.int64]


def week_candles(weeks: int, width_ms: int, pause_h: tuple[int, int] | None = None, shift_ms: int = 0) -> Int64s:
    """Open times from Monday 00:00 to Friday 22:00, with a pause each day."""
    t = np.arange(0, weeks * WEEK_MS, width_ms)
    wanted = t % WEEK_MS < 4 * DAY + 22 * HOUR
    if pause_h is not None:
        wanted &= (t % DAY < pause_h[0] * HOUR) | (t % DAY >= pause_h[1] * HOUR)
    return MONDAY + shift_ms + t[wanted]


def learned(t: Int64s, width_ms: int = M15) -> LearnedCalendar:
    weeks = FirstWeeks(width_ms)
    weeks.add(t)
    return weeks.calendar()


def gaps(calendar: LearnedCalendar, t: Int64s) -> list[int]:
    steps = zip(t[:-1].tolist(), t[1:].tolist(), strict=True)
    return [after for before, after in steps if calendar.missing(before, after)]


@pytest.mark.parametrize("timeframe", TIMEFRAMES_S)
def test_a_regular_market_has_no_gap_and_an_outage_of_a_day_is_one(timeframe: str) -> None:
    width_ms = TIMEFRAMES_S[timeframe] * 1_000
    t = week_candles(14, width_ms)
    calendar = learned(t, width_ms)
    assert gaps(calendar, t) == []
    outage = 10 * WEEK_MS + DAY + MONDAY
    kept = t[(t < outage) | (t >= outage + max(DAY, width_ms))]
    found = gaps(calendar, kept)
    assert found == [int(kept[kept >= outage][0])]


def test_one_missing_candle_in_the_middle_of_the_day_is_a_gap_and_only_before_its_successor() -> None:
    t = week_candles(10, M15, pause_h=(21, 22))
    at = int(np.flatnonzero(t == MONDAY + 9 * WEEK_MS + DAY + 12 * HOUR)[0])
    assert gaps(learned(t), np.delete(t, at)) == [int(t[at + 1])]


def test_weekends_and_daily_pauses_are_no_gaps() -> None:
    t = week_candles(20, M15, pause_h=(21, 22))
    calendar = learned(t)
    assert gaps(calendar, t) == []
    assert len(calendar.stretches()) == 5


@pytest.mark.parametrize("width_ms", [60_000, M15, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, DAY])
@pytest.mark.parametrize("shift_ms", [-HOUR, HOUR])
@pytest.mark.parametrize("pause_h", [None, (12, 13)])
def test_daylight_saving_of_the_source_is_no_gap(width_ms: int, shift_ms: int, pause_h: tuple[int, int] | None) -> None:
    pause_h = pause_h if width_ms <= HOUR else None
    winter = week_candles(30, width_ms, pause_h)
    summer = week_candles(30, width_ms, pause_h, shift_ms)
    switch = MONDAY + 15 * WEEK_MS - DAY
    t = np.concatenate([winter[winter < switch], summer[summer >= switch]])
    assert gaps(learned(t, width_ms), t) == []


def test_before_the_end_of_eight_weeks_nothing_is_a_gap() -> None:
    t = week_candles(LEARNING_WEEKS, M15)[::3]
    assert gaps(learned(t), t) == []
    calendar = learned(week_candles(10, M15))
    fixed = MONDAY + LEARNING_WEEKS * WEEK_MS
    assert calendar.missing(fixed - 10 * M15, fixed - M15) == 0
    assert calendar.missing(fixed + 20 * HOUR, fixed + 22 * HOUR) == 7


def test_a_holiday_in_the_first_weeks_does_not_take_its_day_out() -> None:
    t = week_candles(10, M15)
    for week in (2, 3):  # Christmas and New Year on one day of the week
        begin = MONDAY + week * WEEK_MS + 3 * DAY
        t = t[(t < begin) | (t >= begin + DAY)]
    assert len(learned(t).stretches()) == 1


@given(seed=st.integers(0, 1_000), fill=st.floats(0.5, 0.99))
def test_a_thin_market_does_not_flood_gaps_and_its_outage_still_is_one(seed: int, fill: float) -> None:
    random = np.random.default_rng(seed)
    t = week_candles(30, M15)
    t = t[random.random(t.size) < fill]
    calendar = learned(t)
    assert len(gaps(calendar, t)) <= 0.02 * t.size
    outage = MONDAY + 20 * WEEK_MS + DAY
    assert calendar.missing(outage, outage + DAY) > 0


@given(data=st.data(), width_ms=st.sampled_from([M15, HOUR, 4 * HOUR, DAY]))
def test_pieces_repeats_and_what_comes_later_change_nothing(data: st.DataObject, width_ms: int) -> None:
    seed = data.draw(st.integers(0, 100))
    t = week_candles(9, width_ms)
    t = t[np.random.default_rng(seed).random(t.size) < 0.9]
    whole, pieces = FirstWeeks(width_ms), FirstWeeks(width_ms)
    whole.add(t)
    for start in [0, *data.draw(st.lists(st.integers(0, t.size), max_size=4))]:
        stop = t.size if start else data.draw(st.integers(1, t.size))
        pieces.add(t[start:stop])
    pieces.add(t)
    left, right = whole.calendar(), pieces.calendar()
    later = int(t[0]) + LEARNING_WEEKS * WEEK_MS
    ends = [later + width_ms * data.draw(st.integers(0, 3_000)) for _ in range(20)]
    for end in ends:
        before = end - width_ms * data.draw(st.integers(1, 3_000))
        assert left.missing(before, end) == right.missing(before, end)


def test_a_longer_absence_counts_every_week_of_it() -> None:
    calendar = learned(week_candles(10, M15))
    begin = MONDAY + 9 * WEEK_MS + DAY
    one = calendar.missing(begin, begin + WEEK_MS)
    assert calendar.missing(begin, begin + 52 * WEEK_MS) == 52 * (one + 1) - 1
