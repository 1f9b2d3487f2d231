"""Stamps are read alike, be they read at once or one by one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shapes import CandleShape, candles_of, epoch_ms
from producer.zones import parse_zone
from shared.contracts import WINDOW
from shared.errors import InputError

FIRST = datetime(2024, 3, 1, tzinfo=UTC)
Stamp = str | int | float


def shapes(stamps: list[Stamp]) -> list[CandleShape]:
    return [CandleShape(time=stamp, open=1.0, high=1.0, low=1.0, close=1.0, volume=0.0) for stamp in stamps]


def stamps_of(form: str) -> list[Stamp]:
    moments = [FIRST + timedelta(hours=at) for at in range(WINDOW)]
    if form == "ms":
        return [round(one.timestamp() * 1_000) for one in moments]
    if form == "s":
        return [round(one.timestamp()) for one in moments]
    return [one.strftime(form) for one in moments]


@pytest.mark.parametrize("form", ["ms", "s", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"])
@pytest.mark.parametrize("zone", ["UTC", "+02:00"])
def test_a_list_of_one_form_is_read_as_each_of_it_is(form: str, zone: str) -> None:
    stamps = stamps_of(form)
    shift_ms = 0 if form in {"ms", "s"} or zone == "UTC" else 7_200_000
    expected = [epoch_ms("time", stamp)[0] - shift_ms for stamp in stamps]
    assert candles_of(shapes(stamps), parse_zone(zone))["t"].tolist() == expected


def test_forms_may_be_mixed() -> None:
    mixed = [*stamps_of("s")[:40], *stamps_of("%Y-%m-%d %H:%M:%S")[40:]]
    assert candles_of(shapes(mixed), parse_zone("UTC"))["t"].tolist() == stamps_of("ms")


@given(st.text("0123456789-: T", min_size=19, max_size=19) | st.integers(-5, 10**15))
def test_what_one_by_one_refuses_is_refused_in_a_list_with_its_place(stamp: Stamp) -> None:
    stamps: list[Stamp] = [stamp, stamp]
    try:
        epoch_ms("time", stamp)
    except InputError as error:
        rule = error.rule
    else:
        rule = "must be later than that of candles[0]"  # it is a time, twice
    with pytest.raises(InputError) as refused:
        candles_of(shapes(stamps), parse_zone("UTC"))
    assert refused.value.rule == rule
    assert refused.value.field == ("candles[1].time" if "later" in rule else "candles[0].time")


@pytest.mark.parametrize("stamp", ["2024-13-01 00:00:00", "2024-02-30 00:00:00", "2024-01-01 24:00:00"])
def test_a_day_that_is_none_is_named(stamp: str) -> None:
    stamps = stamps_of("%Y-%m-%d %H:%M:%S")
    stamps[7] = stamp
    with pytest.raises(InputError, match="is no time") as refused:
        candles_of(shapes(stamps), parse_zone("UTC"))
    assert refused.value.field == "candles[7].time"
