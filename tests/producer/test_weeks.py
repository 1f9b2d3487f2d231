"""Clocks told from when weeks end and begin: each kind, both mismatch windows, and what settles nothing."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from producer.exports.export import Export
from producer.exports.options import ReadOptions
from producer.weeks import Weekends, infer_zone
from shared.errors import FormatError

HOUR = 3_600_000
CLOCKS = {
    "broker-eu": ("Europe/Athens", 0),
    "broker-us": ("America/New_York", 7),
    "Europe/London": ("Europe/London", 0),
    "Europe/Berlin": ("Europe/Berlin", 0),
    "America/New_York": ("America/New_York", 0),
    "UTC": ("UTC", 0),
    "UTC-05:00": ("UTC", -5),
    "UTC+03:00": ("UTC", 3),
    "UTC+05:30": ("UTC", 5.5),
}


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def market(first: str, last: str, width_ms: int, late_h: int = 0) -> np.ndarray:
    """Opens (N,) in UTC of a market from Sunday 17:00 (later by ``late_h``) to Friday 17:00 of New York."""
    t = np.arange(ms(first), ms(last), width_ms)
    new_york = t + offsets("America/New_York", t)
    hour_of_week = (new_york // HOUR - 17 + 24 * 4) % 168  # hours since Sunday 17:00: the epoch was a Thursday
    return t[(hour_of_week < 120) & (hour_of_week >= late_h)]


def offsets(zone: str, t: np.ndarray) -> np.ndarray:
    """Milliseconds ahead of UTC, hour by hour."""
    hours, at = np.unique(t // HOUR, return_inverse=True)
    rules = ZoneInfo(zone)
    ahead = [datetime.fromtimestamp(h * 3600, rules).utcoffset().total_seconds() * 1000 for h in hours.tolist()]  # type: ignore[union-attr]
    return np.array(ahead, np.int64)[at]


def seen(clock: str, t: np.ndarray) -> np.ndarray:
    rules, shift_h = CLOCKS[clock]
    return t + offsets(rules, t) + int(shift_h * HOUR)


def inferred(local: np.ndarray, width_ms: int) -> str:
    weekends = Weekends()
    for part in np.array_split(local, 7):
        weekends.add(part)
    return infer_zone(weekends, width_ms).name


@pytest.mark.parametrize("clock", list(CLOCKS))
@pytest.mark.parametrize("minutes", [5, 60])
@pytest.mark.parametrize("late_h", [0, 1])
def test_every_clock_is_told_from_two_years_of_currencies_or_metals(clock: str, minutes: int, late_h: int) -> None:
    width_ms = minutes * 60_000
    assert inferred(seen(clock, market("2021-01-04", "2022-12-20", width_ms, late_h)), width_ms) == clock


@pytest.mark.parametrize(
    ("window", "first", "last"),
    [("March", "2021-01-18", "2021-05-20"), ("October and November", "2021-09-01", "2021-12-20")],
)
@pytest.mark.parametrize("clock", ["broker-eu", "broker-us"])
def test_one_mismatch_window_tells_the_european_rule_from_the_american(
    clock: str, window: str, first: str, last: str
) -> None:
    assert inferred(seen(clock, market(first, last, 900_000)), 900_000) == clock


@pytest.mark.parametrize("clock", ["broker-eu", "broker-us"])
def test_before_2007_europe_changed_first(clock: str) -> None:
    assert inferred(seen(clock, market("2004-01-05", "2006-12-20", 900_000)), 900_000) == clock


@pytest.mark.parametrize("clock", ["broker-eu", "broker-us"])
@pytest.mark.parametrize(("first", "last"), [("2021-11-10", "2022-03-10"), ("2021-04-05", "2021-10-20")])
def test_a_season_without_a_mismatch_is_refused_with_the_clocks_that_fit(clock: str, first: str, last: str) -> None:
    with pytest.raises(FormatError, match="broker-eu and broker-us") as error:
        inferred(seen(clock, market(first, last, 900_000)), 900_000)
    assert "--tz" in error.value.mend


def test_winter_and_summer_without_the_weeks_between_them_are_refused() -> None:
    t = np.concatenate([market("2020-11-10", "2021-03-10", 900_000), market("2021-04-05", "2021-10-20", 900_000)])
    with pytest.raises(FormatError, match=r"broker-eu and broker-us .*america alone"):
        inferred(seen("broker-eu", t), 900_000)


def test_a_terminal_that_drops_sunday_is_told_by_the_ends_of_its_weeks() -> None:
    local = seen("broker-eu", market("2019-01-07", "2021-12-20", 900_000))
    sunday = (local // 86_400_000 + 4) % 7 == 0
    assert sunday.any()
    assert inferred(local[~sunday], 900_000) == "broker-eu"


def test_holidays_and_late_first_candles_do_not_mislead() -> None:
    local = seen("broker-us", market("2020-01-06", "2021-12-20", 300_000))
    rng = np.random.default_rng(1)
    week = local // (7 * 86_400_000)
    holiday = rng.random(int(week.max()) + 1) < 0.1
    monday = (local // 86_400_000 + 4) % 7 == 1
    kept = ~(holiday[week] & monday) & (rng.random(local.size) > 0.2)  # thin candles too
    assert inferred(local[kept], 300_000) == "broker-us"


@pytest.mark.parametrize(
    ("local", "width_ms", "why"),
    [
        (np.arange(ms("2021-01-04"), ms("2022-01-04"), 900_000), 900_000, "weekends"),
        (market("2021-01-04", "2022-01-04", 14_400_000), 14_400_000, "too wide"),
        (market("2021-01-04", "2022-01-04", 86_400_000), 86_400_000, "too wide"),
        (market("2021-03-08", "2021-03-18", 900_000), 900_000, "less than two weeks"),
        (seen("UTC+03:00", market("2021-03-15", "2021-04-02", 900_000)), 900_000, "too few|fit"),
    ],
)
def test_what_does_not_settle_it_is_refused_with_the_reason(local: np.ndarray, width_ms: int, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        inferred(local, width_ms)


def test_shares_whose_weeks_are_shorter_are_refused() -> None:
    t = np.arange(ms("2021-01-04"), ms("2021-12-20"), 900_000)
    day, hour = (t // 86_400_000 + 4) % 7, t // HOUR % 24
    with pytest.raises(FormatError, match="hours, not the 119 or 120"):
        inferred(t[(day >= 1) & (day <= 5) & (hour >= 14) & (hour < 21)], 900_000)


def test_a_clock_with_summer_time_that_no_name_fits_is_refused() -> None:
    local = seen("broker-eu", market("2021-01-04", "2022-12-20", 900_000)) + 2 * HOUR
    with pytest.raises(FormatError, match=r"no known clock"):
        inferred(local, 900_000)


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_export_read_with_auto_is_in_utc(tmp_path: Path, newest_first: bool) -> None:
    t = market("2021-01-18", "2021-05-20", 3_600_000)
    stamps = np.datetime_as_string(seen("broker-us", t).astype("datetime64[ms]"), "s")
    lines = [f"{stamp.replace('T', ' ')},1.1,1.2,1.0,1.15,{k}" for k, stamp in enumerate(stamps.tolist())]
    (tmp_path / "x.csv").write_text("\n".join(lines[::-1] if newest_first else lines))
    export = Export(tmp_path / "x.csv", ReadOptions(tz="auto"), 1 << 15)
    assert (export.tz, export.tz_source) == ("broker-us", "data")
    assert (np.concatenate([block.candles["t"] for block in export.blocks()]) == t).all()
    assert export.tally.total == 0


def test_stamps_that_carry_their_offset_leave_nothing_to_infer(tmp_path: Path) -> None:
    lines = [f"{1_609_459_200 + 900 * k},1.1,1.2,1.0,1.15,{k}" for k in range(50)]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    export = Export(tmp_path / "x.csv", ReadOptions(tz="auto"))
    assert (export.tz, export.tz_source, export.tz_unused) == ("UTC", "stamps", "auto")


@pytest.mark.parametrize(
    "name",
    [
        "EURUSD_M15_mt4_2019-2021.csv",
        "EURUSD_M5_mt4_2020-2021.csv",
        "XAUUSD_M5_mt5_2025.csv",
        "GBPUSD_H1_ejtrader_2012-2022.csv",
    ],
)
def test_real_brokers_on_european_dates_are_known_as_such(market_data: Path, name: str) -> None:
    assert Export(market_data / name, ReadOptions(tz="auto")).tz == "broker-eu"
