"""Calendars in the broker: what admission learns is what the candles say, whoever sends them, dies or comes twice."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.admission import Admission, AdmissionLimits
from shared.clock import SimulatedClock
from shared.contracts import Candles, Series
from shared.errors import InputError, StorageError
from shared.learned_calendar import LEARNING_WEEKS, WEEK_MS, FirstWeeks
from shared.series_calendars import CalendarChoice, SeriesCalendars, Step
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("XAU|USD", "H4")
WIDTH = SERIES.width_ms


def admission(broker: BrokerUnderTest) -> Admission:
    return Admission(broker.client, broker.names, SimulatedClock(2_000_000_000_000), AdmissionLimits(100_000, 100, 100))


def admit(broker: BrokerUnderTest, candles: Candles, series: Series = SERIES) -> None:
    for start in range(0, len(candles), 256):
        admission(broker).admit(series, candles[start : start + 256], 0, "csv")


def ten_weeks(seed: int = 0) -> Candles:
    """Ten weeks of H4 candles with weekends and, in the last two, holes."""
    candles = walk_candles(420, seed=seed, width_ms=WIDTH)
    open_days = candles["t"] % WEEK_MS < 5 * 86_400_000
    holes = (np.random.default_rng(seed).random(420) < 0.1) & (np.arange(420) > 340)
    return candles[open_days & ~holes]


def gaps(broker: BrokerUnderTest, candles: Candles, series: Series = SERIES) -> list[bool]:
    t = [0, *candles["t"].tolist()]
    steps = [Step(series, before, after) for before, after in pairwise(t)]
    return SeriesCalendars(broker.client, broker.names, 100).gaps(steps)


def expected(candles: Candles) -> list[bool]:
    weeks = FirstWeeks(WIDTH)
    weeks.add(candles["t"])
    calendar, t = weeks.calendar(), candles["t"].tolist()
    return [False, *(calendar.missing(before, after) > 0 for before, after in pairwise(t))]


def test_the_learned_calendar_is_that_of_the_candles(broker: BrokerUnderTest) -> None:
    candles = ten_weeks()
    admit(broker, candles)
    assert gaps(broker, candles) == expected(candles)
    assert any(expected(candles))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 50),
    ends=st.lists(st.integers(1, 420), max_size=5),
    lost=st.lists(st.integers(0, 30), max_size=3),
    twice=st.booleans(),
)
def test_whoever_dies_or_sends_again_and_whatever_tail_is_lost_it_stays_the_same(
    broker: BrokerUnderTest, seed: int, ends: list[int], lost: list[int], twice: bool
) -> None:
    broker.client.flushall()
    candles = ten_weeks(seed)
    history = broker.names.history(SERIES.partition, SERIES.key)
    for at, end in enumerate(ends):  # each a producer that began at the first candle and was killed after `end`
        admit(broker, candles[:end])
        if at < len(lost) and lost[at]:
            for entry in broker.client.execute_command("XREVRANGE", history, "+", "-", "COUNT", lost[at]):
                broker.client.xdel(history, entry[0])
    for _ in range(1 + twice):
        newest = admission(broker).newest(SERIES)
        admit(broker, candles[candles["t"] > (newest or 0)])
    admit(broker, candles)
    assert gaps(broker, candles) == expected(candles)


def test_the_bitmap_stops_after_eight_weeks_and_later_candles_change_nothing(broker: BrokerUnderTest) -> None:
    candles = walk_candles(1_000, width_ms=WIDTH)
    admit(broker, candles)
    bits = broker.client.get(broker.names.weeks(SERIES.partition, SERIES.key))
    assert isinstance(bits, bytes)
    assert len(bits) == LEARNING_WEEKS * WEEK_MS // WIDTH // 8


def test_a_calendar_read_while_it_is_learned_is_read_again_once_it_is_fixed(broker: BrokerUnderTest) -> None:
    candles = walk_candles(420, width_ms=WIDTH)
    kept = np.delete(candles, [100, 400])
    reader = SeriesCalendars(broker.client, broker.names, 100)
    admit(broker, kept[:200])
    assert reader.gaps([Step(SERIES, int(kept["t"][99]), int(kept["t"][100]))]) == [False]
    admit(broker, kept[200:])
    at = int(np.flatnonzero(kept["t"] == candles["t"][401])[0])
    assert reader.gaps([Step(SERIES, int(kept["t"][at - 1]), int(kept["t"][at]))]) == [True]


def test_a_chosen_calendar_holds_from_the_first_candle_and_is_never_changed(broker: BrokerUnderTest) -> None:
    choice = CalendarChoice(broker.client, broker.names)
    choice.choose(SERIES, "24X7")
    candles = np.delete(walk_candles(50, width_ms=WIDTH), [10, 20, 21])
    admit(broker, candles)
    assert np.flatnonzero(gaps(broker, candles)).tolist() == [10, 19]
    choice.choose(SERIES, "24x7")
    for other in ("fx", "learned"):
        with pytest.raises(InputError, match="has 24x7"):
            choice.choose(SERIES, other)
    assert not broker.client.exists(broker.names.weeks(SERIES.partition, SERIES.key))


def test_learned_may_be_said_before_and_after_the_first_candle(broker: BrokerUnderTest) -> None:
    choice = CalendarChoice(broker.client, broker.names)
    choice.choose(SERIES, "learned")
    candles = ten_weeks()
    admit(broker, candles[:100])
    choice.choose(SERIES, "learned")
    admit(broker, candles[100:])
    assert gaps(broker, candles) == expected(candles)


def test_series_of_one_partition_keep_their_own(broker: BrokerUnderTest) -> None:
    other = next(series for n in range(1_000) if (series := Series(f"S{n}", "H4")).partition == SERIES.partition)
    CalendarChoice(broker.client, broker.names).choose(other, "24x7")
    candles = ten_weeks()
    admit(broker, candles)
    admit(broker, candles, other)
    assert gaps(broker, candles) == expected(candles)
    assert gaps(broker, candles, other) == [False, *(np.diff(candles["t"]) > WIDTH).tolist()]


@pytest.mark.parametrize("junk", [b"", b"XNOPE", b"learned x", b"\xff"])
def test_a_calendar_that_is_none_stops_instead_of_guessing(broker: BrokerUnderTest, junk: bytes) -> None:
    candles = np.delete(walk_candles(20, width_ms=WIDTH), [10])
    admit(broker, candles)
    broker.client.hset(broker.names.calendars(SERIES.partition), SERIES.key, junk)
    with pytest.raises(StorageError, match=r"calendar of XAU%7CUSD\.H4"):
        gaps(broker, candles)
