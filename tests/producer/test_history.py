"""Histories: sorted, each candle once, every row accounted for."""

from pathlib import Path

import numpy as np
import pytest

from producer.history import read_history
from producer.sample import sample_candles, write_candles
from shared.errors import FormatError


def lines_of(path: Path, count: int = 300) -> list[str]:
    write_candles(sample_candles(count, "M15", 9), path)
    return path.read_text().splitlines()


def test_rows_are_sorted_and_repeats_dropped_the_first_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = lines_of(path)
    changed = lines[50].split("\t")
    changed[6] = "777777"
    path.write_text("\n".join([*lines[:200], lines[10], "\t".join(changed), *lines[210:], *lines[200:210]]) + "\n")
    history = read_history(path, "M15", "UTC")
    assert (history.candles == sample_candles(300, "M15", 9)).all()
    report = history.report
    assert (report.rows, report.candles, report.duplicates, report.conflicts) == (302, 300, 1, 1)
    assert (report.tz, report.tz_source, report.timeframe) == ("UTC", "given", "M15")
    assert history.spread is not None
    assert len(history.spread) == 300


def test_without_a_zone_the_report_says_that_utc_is_assumed(tmp_path: Path) -> None:
    lines_of(tmp_path / "x.csv")
    assert read_history(tmp_path / "x.csv").report.tz_source == "assumed"


def test_a_file_without_a_spread_has_none(tmp_path: Path) -> None:
    lines = [line.rsplit("\t", 1)[0] for line in lines_of(tmp_path / "x.csv")]
    (tmp_path / "y.csv").write_text("\n".join(lines))
    assert read_history(tmp_path / "y.csv").spread is None


def test_refused_rows_are_reported_by_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = lines_of(path)
    path.write_text("\n".join([*lines[:99], "2024.12.30\tnoon\t1\t1\t1\t1\t1\t0\t8", *lines[99:]]))
    report = read_history(path).report
    assert report.refused == 1
    assert report.reasons["time"]["lines"] == [100]
    assert report.candles == 300


def test_a_file_whose_every_row_is_refused_is_an_error(tmp_path: Path) -> None:
    rows = [f"2024.12.30,{k // 4:02}:{k % 4 * 15:02},1.1,1.2,1.0,1.1,-2" for k in range(50)]
    (tmp_path / "x.csv").write_text("\n".join(["date,time,open,high,low,close,volume", *rows]))
    with pytest.raises(FormatError, match="line 2"):
        read_history(tmp_path / "x.csv")


def test_one_brokers_five_minutes_make_its_quarters(market_data: Path) -> None:
    """The two real files of one broker agree, so both are read right."""
    m5 = read_history(market_data / "EURUSD_M5_mt4_2020-2021.csv", "M5", "broker-eu").candles
    m15 = read_history(market_data / "EURUSD_M15_mt4_2019-2021.csv", "M15", "broker-eu").candles
    quarters, first = np.unique(m5["t"] // 900_000 * 900_000, return_index=True)
    whole = np.diff(np.append(first, len(m5))) == 3
    common = np.isin(quarters, m15["t"]) & whole
    against = m15[np.isin(m15["t"], quarters[common])]
    assert len(against) > 20_000
    starts = first[common]
    assert (m5["o"][starts] == against["o"]).mean() > 0.999
    assert (np.maximum.reduceat(m5["h"], first)[common] == against["h"]).mean() > 0.999
