"""Stamps by template, and the templates that texts propose."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.exports.fields import pack
from producer.exports.stamp_forms import date_forms, settle_order, time_form
from producer.exports.stamps import NO_OFFSET, parse_stamps
from shared.errors import FormatError

TEMPLATES = [
    "%Y.%m.%d %H:%M:%S",
    "%Y%m%d %H%M%S",
    "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
    "%Y%m%d%H%M%S",
]


def read(text: str, *templates: str) -> datetime | None:
    local, _, fitted = parse_stamps(pack([text]), 0, templates)
    return datetime.fromtimestamp(int(local[0]) / 1000, UTC) if fitted[0] else None


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)),  # noqa: DTZ001 - a local clock
    st.sampled_from(TEMPLATES),
)
def test_every_moment_is_read_as_the_standard_library_writes_it(moment: datetime, template: str) -> None:
    moment = moment.replace(microsecond=0)
    assert read(moment.strftime(template).replace("  ", " "), template) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2019.02.29 00:00",
        "2019.13.01 00:00",
        "2019.00.10 00:00",
        "2019.04.31 00:00",
        "2019.01.01 24:01",
        "2019.01.01 10:60",
        "2019.01.01",
        "2019.01.01 10:00x",
        "19.01.01 10:00",
        "",
        "1899.12.31 23:00",
    ],
)
def test_what_is_no_moment_is_not_read(text: str) -> None:
    assert read(text, "%Y.%m.%d %H:%M") is None


@pytest.mark.parametrize(
    ("text", "offset_h"),
    [
        ("Z", 0),
        ("+02:00", 2),
        ("-0600", -6),
        ("+03", 3),
        (" UTC", 0),
        (" GMT+0100", 1),
        (" GMT", 0),
        ("+05:30", 5.5),
    ],
)
def test_an_offset_is_read_in_every_spelling(text: str, offset_h: float) -> None:
    _, offsets, fitted = parse_stamps(pack([f"2020-01-01 10:00{text}"]), 0, ("%Y-%m-%d %H:%M%z",))
    assert fitted[0]
    assert offsets[0] == offset_h * 3_600_000


def test_a_stamp_without_an_offset_says_so() -> None:
    assert parse_stamps(pack(["2020-01-01 10:00"]), 0, ("%Y-%m-%d %H:%M",))[1][0] == NO_OFFSET


@given(st.integers(946_684_800, 4_102_444_800), st.sampled_from([1, 1_000, 1_000_000, 1_000_000_000]))
def test_the_unit_of_an_epoch_is_told_by_its_size(second: int, unit: int) -> None:
    moment = read(str(second * unit), "epoch")
    assert moment is not None
    assert int(moment.timestamp()) == second


@pytest.mark.parametrize(
    ("values", "template"),
    [
        (["2019.03.20", "2019.03.21"], "%Y.%m.%d"),
        (["20190101 170200"], "%Y%m%d %H%M%S"),
        (["05.07.2021 00:00:00.000"], "%d.%m.%Y %H:%M:%S.%f"),
        (["2024-11-24T19:15:00-06:00"], "%Y-%m-%dT%H:%M:%S%z"),
        (["Aug 10, 2022"], "%b %d, %Y"),
        (["2019-10-17 09-AM"], "%Y-%m-%d %I-%p"),
        (["11/5/2019 9:30", "11/15/2019 9:31"], "%m/%d/%Y %H:%M"),
        (["12/31/20", "01/01/21"], "%m/%d/%y"),
        (["03/01/2000", "04/01/2000", "05/01/2000"], "%d/%m/%Y"),
        (["Mon, 04 Jan 2021 10:00"], "%a, %d %b %Y %H:%M"),
        (["202101041000"], "%Y%m%d%H%M"),
        (["01.01.2020 00:00:00.000 GMT+0100"], "%d.%m.%Y %H:%M:%S.%f%z"),
        (["1609459200"], "epoch"),
    ],
)
def test_the_template_of_a_column_is_found(values: list[str], template: str) -> None:
    form = settle_order(values, date_forms(values), None, "time")
    assert form.templates[0] == template
    assert parse_stamps(pack(values), 0, form.templates)[2].all()


def test_a_date_that_can_be_read_two_ways_is_refused_until_the_option_settles_it() -> None:
    values = ["05/07/2021 10:00", "05/07/2021 10:15", "05/07/2021 10:30"]
    with pytest.raises(FormatError, match="--date-order"):
        settle_order(values, date_forms(values), None, "time")
    assert settle_order(values, date_forms(values), "mdy", "time").templates == ("%m/%d/%Y %H:%M",)
    with pytest.raises(FormatError, match="date_order"):
        settle_order(["2021.01.01"], date_forms(["2021.01.01"]), "dmy", "time")


def test_a_time_of_day_alone_is_recognised() -> None:
    form = time_form(["6:00", "16:15"])
    assert form is not None
    assert form.templates == ("%H:%M",)
    assert time_form(["1.5", "1.6"]) is None
