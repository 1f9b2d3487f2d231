"""Calendars by name: what is missing, told with the markets' own hours."""

from datetime import datetime

import pytest

from shared.calendar import check_calendar_name, fixed_calendar
from shared.errors import InputError

M15, HOUR, DAY = 900_000, 3_600_000, 86_400_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text + "+00:00").timestamp() * 1_000)


@pytest.mark.parametrize(
    ("calendar", "width_ms", "before", "after", "missing"),
    [
        ("24x7", M15, "2024-01-06 10:00", "2024-01-06 10:15", 0),
        ("24x7", M15, "2024-01-06 10:00", "2024-01-06 11:00", 3),
        ("24x7", 4 * HOUR, "2024-03-30 22:00", "2024-03-31 01:00", 0),  # a local clock is put forward
        ("24x7", 4 * HOUR, "2024-10-26 21:00", "2024-10-27 02:00", 0),  # and back
        ("24x7", DAY, "2024-03-29 22:00", "2024-03-31 21:00", 1),
        ("fx", M15, "2024-01-05 21:45", "2024-01-07 22:00", 0),  # a weekend
        ("fx", M15, "2024-07-05 20:45", "2024-07-07 21:00", 0),  # in summer
        ("fx", M15, "2024-07-05 19:45", "2024-07-07 22:00", 0),  # late to open, early to close
        ("fx", M15, "2024-01-05 18:45", "2024-01-07 22:00", 8),
        ("fx", M15, "2024-01-09 10:00", "2024-01-09 10:30", 1),
        ("fx", HOUR, "2023-12-22 21:00", "2023-12-26 00:00", 1),  # Christmas is a Monday
        ("fx", 4 * HOUR, "2024-01-05 18:00", "2024-01-07 22:00", 0),
        ("fx", DAY, "2024-01-05 00:00", "2024-01-08 00:00", 0),  # no candle of Sunday evening
        ("fx", DAY, "2024-01-08 00:00", "2024-01-10 00:00", 1),
        ("fx", 7 * DAY, "2024-01-07 00:00", "2024-01-21 00:00", 1),
        ("XNYS", M15, "2024-01-05 20:45", "2024-01-08 14:30", 0),
        ("XNYS", M15, "2024-01-12 20:45", "2024-01-16 14:30", 0),  # a holiday
        ("XNYS", M15, "2024-11-29 17:45", "2024-12-02 14:30", 0),  # a short day
        ("XNYS", M15, "2024-01-08 15:00", "2024-01-08 15:45", 2),
        ("XNYS", HOUR, "2024-03-08 20:30", "2024-03-11 13:30", 0),  # across daylight saving
        ("XNYS", DAY, "2024-01-12 00:00", "2024-01-16 00:00", 0),
        ("XNYS", DAY, "2024-01-09 00:00", "2024-01-11 00:00", 1),
        ("XTKS", M15, "2024-01-10 02:15", "2024-01-10 03:30", 0),  # lunch
        ("XTKS", HOUR, "2024-01-10 01:00", "2024-01-10 04:00", 2),
    ],
)  # fmt: skip
def test_what_is_missing(calendar: str, width_ms: int, before: str, after: str, missing: int) -> None:
    assert fixed_calendar(calendar, width_ms).missing(ms(before), ms(after)) == missing


def test_names_are_checked_and_spelled_one_way() -> None:
    assert [check_calendar_name(name) for name in ("FX", "24x7", "Learned", "xnys")] == [
        "fx",
        "24x7",
        "learned",
        "XNYS",
    ]
    for wrong in ("", "XNOPE", "fx 7", "XNYS\n"):
        with pytest.raises(InputError, match="calendar"):
            check_calendar_name(wrong)
