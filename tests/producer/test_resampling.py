"""Resampling: what the broker's own wider chart shows, from any pieces."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.buckets import Buckets, Gatherer
from producer.exports.options import ReadOptions
from producer.history import read_history
from producer.resampling import Resampled, resample
from producer.sample import sample_candles, write_candles
from producer.zones import UTC_ZONE, parse_zone
from shared.contracts import Candles
from shared.errors import InputError
from shared.testing import walk_candles
from shared.timeframe import timeframe_ms

HOUR = 3_600_000


def gather(candles: Candles, timeframe: str, tz: str = "UTC", cuts: tuple[int, ...] = ()) -> Candles:
    buckets, gatherer = Buckets(timeframe_ms(timeframe), parse_zone(tz)), Gatherer()
    pieces = np.split(candles, sorted(cuts))
    rows = [np.stack([piece[name] for name in "ohlcv"], axis=1) for piece in pieces]
    found = [gatherer.add(buckets.opens(piece["t"]), row) for piece, row in zip(pieces, rows, strict=True)]
    return np.concatenate([*found, gatherer.finish()])


def test_five_minutes_of_a_broker_are_its_own_quarters(market_data: Path) -> None:
    """All 21,686 common candles: prices and volume."""
    file = Resampled(market_data / "EURUSD_M5_mt4_2020-2021.csv", "M15", ReadOptions(tz="broker-eu"))
    ours = np.concatenate([block.candles for block in file.blocks()])[:-1]
    theirs = read_history(market_data / "EURUSD_M15_mt4_2019-2021.csv", "M15", "broker-eu").candles
    common = np.intersect1d(ours["t"], theirs["t"])
    ours, theirs = ours[np.isin(ours["t"], common)], theirs[np.isin(theirs["t"], common)]
    assert len(common) >= 21_680
    assert (ours == theirs).all()


@given(cuts=st.lists(st.integers(0, 500), max_size=6), seed=st.integers(0, 20), to=st.sampled_from(["H1", "H4", "D1"]))
def test_pieces_change_no_bit(cuts: list[int], seed: int, to: str) -> None:
    candles = walk_candles(500, seed=seed)
    candles["v"] *= 0.1  # sums that rounding could tell apart
    assert gather(candles, to, "broker-eu", tuple(cuts)).tobytes() == gather(candles, to, "broker-eu").tobytes()


@given(
    seed=st.integers(0, 20),
    start=st.integers(1_500_000_000_000, 1_800_000_000_000),
    tz=st.sampled_from(["UTC", "broker-eu", "broker-us", "+05:30", "Europe/London", "America/New_York"]),
    way=st.sampled_from([("M30", "H1"), ("H1", "H4"), ("M30", "D1"), ("H4", "D1"), ("H1", "W1")]),
)
def test_by_way_of_another_timeframe_it_is_the_same(seed: int, start: int, tz: str, way: tuple[str, str]) -> None:
    candles = walk_candles(2_000, seed=seed, start_ms=start)
    assert (gather(gather(candles, way[0], tz), way[1], tz) == gather(candles, way[1], tz)).all()


@pytest.mark.parametrize("timeframe", ["M30", "H1", "H4", "D1"])
def test_a_candle_is_the_first_open_the_extremes_the_last_close_and_all_volume(timeframe: str) -> None:
    candles = walk_candles(500)
    wide = gather(candles, timeframe)
    width_ms = timeframe_ms(timeframe)
    for one in wide:
        inside = candles[candles["t"] // width_ms == one["t"] // width_ms]
        assert one["t"] % width_ms == 0
        assert (one["o"], one["c"]) == (inside["o"][0], inside["c"][-1])
        assert (one["h"], one["l"], one["v"]) == (inside["h"].max(), inside["l"].min(), inside["v"].sum())


def test_days_and_four_hours_open_on_the_brokers_clock_in_winter_and_summer() -> None:
    candles = walk_candles(96 * 200, start_ms=1_704_067_200_000)  # from 2024-01-01
    for timeframe, hours in (("H4", 4), ("D1", 24)):
        t = gather(candles, timeframe, "broker-eu")["t"]
        summer = t >= 1_711_846_800_000  # 2024-03-31 01:00 UTC
        assert set((t[~summer] // HOUR % hours).tolist()) == {22 % hours}
        assert set((t[summer] // HOUR % hours).tolist()) == {21 % hours}
    weeks = Buckets(timeframe_ms("W1"), UTC_ZONE).opens(candles["t"])
    assert set(((weeks // 86_400_000 + 3) % 7).tolist()) == {0}  # Mondays
    weeks = Buckets(timeframe_ms("W1"), UTC_ZONE, sunday=True).opens(candles["t"])
    assert set(((weeks // 86_400_000 + 3) % 7).tolist()) == {6}


def test_a_repeated_hour_of_the_local_clock_is_two_hours() -> None:
    candles = walk_candles(4 * 12, start_ms=1_729_980_000_000)  # around 2024-10-27 01:00 UTC
    assert np.diff(gather(candles, "H1", "Europe/London")["t"]).tolist() == [HOUR] * 11


def test_a_file_is_written_that_reads_back_the_same(tmp_path: Path) -> None:
    candles = sample_candles(1_000, "M15", 3)
    write_candles(candles, tmp_path / "x.csv")
    report = resample(tmp_path / "x.csv", "H1", tmp_path / "y.csv", ReadOptions())
    expected = gather(candles, "H1")
    if report["partial"]:
        expected = expected[1:]
    assert (report["rows"], report["used"], report["open"]) == (1_000, 1_000, 1)
    assert (read_history(tmp_path / "y.csv", "H1").candles == expected[:-1]).all()
    report = resample(tmp_path / "x.csv", "H1", tmp_path / "y.csv", ReadOptions(), last_closed=True)
    assert (report["open"], report["candles"]) == (0, len(expected))


def test_a_candle_that_the_file_begins_in_is_left_out_and_repeats_do_not_count_twice(tmp_path: Path) -> None:
    candles = walk_candles(100, start_ms=1_600_000_000_000 // HOUR * HOUR + HOUR // 4)
    candles = np.round(candles.view("f8").reshape(-1, 6)[:, 1:], 5)  # prices as the file holds them
    t = 1_600_000_000_000 // HOUR * HOUR + HOUR // 4 + 900_000 * np.arange(100)
    lines = [f"{at},{','.join(map(repr, row))}" for at, row in zip(t.tolist(), candles.tolist(), strict=True)]
    lines[50:50] = lines[40:50]
    (tmp_path / "x.csv").write_text("time,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    report = resample(tmp_path / "x.csv", "H1", tmp_path / "y.csv", ReadOptions())
    assert (report["partial"], report["repeated"], report["used"]) == (1, 10, 100)
    wide = read_history(tmp_path / "y.csv", "H1").candles
    assert int(wide["t"][0]) == int(t[3])
    assert wide["v"].sum() == pytest.approx(candles[3 : 3 + 4 * len(wide), 4].sum())


@pytest.mark.parametrize("timeframe", ["M15", "M10", "M20", "M5"])
def test_a_timeframe_that_is_no_multiple_is_refused(tmp_path: Path, timeframe: str) -> None:
    write_candles(sample_candles(300, "M15", 3), tmp_path / "x.csv")
    with pytest.raises(InputError, match="multiple"):
        Resampled(tmp_path / "x.csv", timeframe)
