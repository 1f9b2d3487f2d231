"""The calendars of real markets: hours as they are, weekends and daylight saving no gaps, outages gaps."""

from pathlib import Path

import numpy as np
import pytest

from producer.calendar_survey import survey_calendar
from producer.exports.options import ReadOptions
from producer.sample import sample_candles, write_candles
from shared.errors import FormatError

BROKER = "broker-eu"


@pytest.mark.parametrize("tz", [BROKER, "UTC"])  # a wrong clock costs no flood of gaps either
@pytest.mark.parametrize(
    "name",
    [
        "EURUSD_M15_mt4_2019-2021.csv",
        "EURUSD_M5_mt4_2020-2021.csv",
        "XAUUSD_M5_mt5_2025.csv",
        "GBPUSD_H1_ejtrader_2012-2022.csv",
        "BTCUSDT_M15_binance_2025-2026.csv",
    ],
)
def test_at_most_one_candle_in_a_hundred_of_real_markets_has_a_gap(market_data: Path, name: str, tz: str) -> None:
    survey = survey_calendar(market_data / name, ReadOptions(tz=tz))
    assert survey.is_fixed
    assert survey.candles > 30_000
    assert survey.share < 0.001  # most are holidays


def test_hours_of_real_markets_are_learned(market_data: Path) -> None:
    gold = survey_calendar(market_data / "XAUUSD_M5_mt5_2025.csv", ReadOptions(tz=BROKER))
    assert gold.open[0] == "Mon 23:00 - Tue 22:00"
    assert len(gold.open) == 5
    bitcoin = survey_calendar(market_data / "BTCUSDT_M15_binance_2025-2026.csv", ReadOptions())
    assert (bitcoin.open, bitcoin.gaps) == (["Mon 00:00 - Mon 00:00"], 0)


def test_a_hole_is_told_and_a_short_file_teaches_nothing_yet(tmp_path: Path) -> None:
    candles = sample_candles(9_000, "M15", 5)
    monday = int(candles["t"][-1]) // 604_800_000 * 604_800_000 - 3 * 86_400_000
    hole = (candles["t"] >= monday + 36_000_000) & (candles["t"] < monday + 46_800_000)
    write_candles(candles[~hole], tmp_path / "x.csv")
    survey = survey_calendar(tmp_path / "x.csv", ReadOptions())
    assert survey.is_fixed
    assert {"after": monday + 36_000_000 - 900_000, "t": monday + 46_800_000, "missing": 12} in survey.examples
    write_candles(candles[:2_000], tmp_path / "y.csv")
    short = survey_calendar(tmp_path / "y.csv", ReadOptions())
    assert (short.is_fixed, short.gaps) == (False, 0)


def test_rows_that_run_backward_or_come_twice_change_nothing(tmp_path: Path) -> None:
    candles = sample_candles(6_000, "M15", 5)
    write_candles(candles, tmp_path / "x.csv")
    write_candles(np.concatenate([candles[:5_500], candles[5_300:]]), tmp_path / "y.csv")
    assert survey_calendar(tmp_path / "x.csv", ReadOptions()) == survey_calendar(tmp_path / "y.csv", ReadOptions())


def test_a_file_without_candles_is_refused(tmp_path: Path) -> None:
    rows = [f"2024.12.30,{k // 4:02}:{k % 4 * 15:02},1.1,1.2,1.0,1.1,-2" for k in range(50)]
    (tmp_path / "x.csv").write_text("\n".join(["date,time,open,high,low,close,volume", *rows]))
    with pytest.raises(FormatError, match="no candles"):
        survey_calendar(tmp_path / "x.csv", ReadOptions())
