"""Broker clocks around the changes of the clock, and what is no zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.zones import parse_zone
from shared.errors import InputError


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def utc_of(zone: str, local: str) -> str:
    readings = parse_zone(zone).readings(np.array([ms(local)]))
    return datetime.fromtimestamp(int(readings.earlier[0]) / 1000, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("broker-eu", "2021-01-15 12:00", "2021-01-15 10:00"),
        ("broker-eu", "2021-07-15 12:00", "2021-07-15 09:00"),
        ("broker-us", "2021-01-15 12:00", "2021-01-15 10:00"),
        # between the American change (14 March) and the European one (28 March)
        ("broker-us", "2021-03-20 12:00", "2021-03-20 09:00"),
        ("broker-eu", "2021-03-20 12:00", "2021-03-20 10:00"),
        # between the European change (31 October) and the American one (7 November)
        ("broker-us", "2021-11-03 12:00", "2021-11-03 09:00"),
        ("broker-eu", "2021-11-03 12:00", "2021-11-03 10:00"),
        ("+02:00", "2021-07-15 12:00", "2021-07-15 10:00"),
        ("UTC+2", "2021-07-15 12:00", "2021-07-15 10:00"),
        ("UTC-05:30", "2021-07-15 12:00", "2021-07-15 17:30"),
        ("America/New_York", "2021-07-15 12:00", "2021-07-15 16:00"),
        ("utc", "2021-07-15 12:00", "2021-07-15 12:00"),
    ],
)
def test_a_local_stamp_means_this_utc(zone: str, local: str, utc: str) -> None:
    assert utc_of(zone, local) == utc


def test_midnight_of_an_american_broker_is_five_in_the_afternoon_of_new_york_all_year() -> None:
    zone = parse_zone("broker-us")
    days = np.arange(ms("2020-01-01 00:00"), ms("2022-01-01 00:00"), 86_400_000)
    hours = {
        datetime.fromtimestamp(t / 1000, ZoneInfo("America/New_York")).hour
        for t in zone.readings(days).earlier.tolist()
    }
    assert hours == {17}


def test_a_repeated_hour_has_two_readings_and_a_skipped_one_is_marked() -> None:
    zone = parse_zone("Europe/Berlin")
    readings = zone.readings(np.array([ms("2021-10-31 02:30"), ms("2021-03-28 02:30"), ms("2021-10-31 03:00")]))
    assert (readings.later - readings.earlier).tolist() == [3_600_000, 3_600_000, 0]
    assert readings.skipped.tolist() == [False, True, False]


@given(
    st.sampled_from(
        ["broker-eu", "broker-us", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"]
    ),
    st.lists(st.integers(ms("1990-01-01 00:00"), ms("2035-01-01 00:00")), min_size=1, max_size=50),
)
def test_each_utc_instant_is_a_reading_of_its_own_local_time(zone: str, instants: list[int]) -> None:
    rules, shift = {"broker-eu": ("Europe/Athens", 0), "broker-us": ("America/New_York", 7)}.get(zone, (zone, 0))
    offsets = [datetime.fromtimestamp(t / 1000, ZoneInfo(rules)).utcoffset() for t in instants]
    local = np.array(
        [
            t + int(offset.total_seconds() * 1000) + shift * 3_600_000
            for t, offset in zip(instants, offsets, strict=True)
            if offset is not None
        ]
    )
    readings = parse_zone(zone).readings(local)
    assert ((readings.earlier == instants) | (readings.later == instants)).all()


@pytest.mark.parametrize(
    "text", ["", "Mars/Olympus", "+25:00", "broker-uk", "../etc/passwd", "UTC+2:99", "Europe", "localtime"]
)
def test_what_is_no_zone_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(InputError, match="broker-eu"):
        parse_zone(text)
