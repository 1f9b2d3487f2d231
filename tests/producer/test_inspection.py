"""What a file is said to be."""

import json
from pathlib import Path

import pytest

from producer.inspection import inspect
from producer.sample import sample_candles, write_candles


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    write_candles(sample_candles(400, "M15", 11), tmp_path / "x.csv")
    return (tmp_path / "x.csv").read_text().splitlines()


def save(tmp_path: Path, lines: list[str]) -> Path:
    (tmp_path / "y.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "y.csv"


def test_the_document_has_every_promised_key_and_is_json(tmp_path: Path, lines: list[str]) -> None:
    document = json.loads(json.dumps(inspect(save(tmp_path, lines)).document()))
    promised = {
        "format", "encoding", "delimiter", "timeframe", "rows", "refused", "duplicates", "backward", "gaps", "first",
        "last", "tz",
    }  # fmt: skip
    assert promised <= set(document)
    assert document["format"] == "MetaTrader 5"
    assert document["timeframe"] == "M15"
    assert document["rows"] == 400
    assert document["refused"] == {}
    first = sample_candles(400, "M15", 11)[0].tolist()
    assert document["first"] == dict(zip(("t", "open", "high", "low", "close", "volume"), first, strict=True))
    assert any("UTC assumed" in note for note in document["notes"])


def test_repeats_steps_back_and_gaps_are_counted(tmp_path: Path, lines: list[str]) -> None:
    plain = inspect(save(tmp_path, lines))
    assert (plain.duplicates, plain.backward) == (0, 0)
    altered = [*lines[:150], *lines[151:301], *lines[290:301], *lines[301:]]  # a hole, and a page sent again
    found = inspect(save(tmp_path, altered))
    assert found.gaps == plain.gaps + 1
    assert found.duplicates == 11
    assert found.backward == 1
    assert found.rows == 400 - 1 + 11


def test_refused_rows_stand_under_their_reason_with_the_first_lines(tmp_path: Path, lines: list[str]) -> None:
    junk = [f"junk {k}" for k in range(30)]
    found = inspect(save(tmp_path, [*lines[:100], *junk, *lines[100:]])).refused["fields"]
    assert found["count"] == 30
    assert found["lines"] == list(range(101, 111))


@pytest.mark.parametrize("timeframe", ["M1", "M6", "M10", "M20", "H1", "H4", "D1", "W1"])
def test_a_whole_series_has_the_gaps_of_its_weekends_at_every_timeframe(tmp_path: Path, timeframe: str) -> None:
    import numpy as np

    from shared.timeframe import timeframe_ms

    candles = sample_candles(300, timeframe, 1)
    write_candles(candles, tmp_path / "x.csv")
    assert inspect(tmp_path / "x.csv").gaps == int((np.diff(candles["t"]) > timeframe_ms(timeframe)).sum())


def test_the_gaps_of_a_real_export_are_those_that_its_description_counts(market_data: Path) -> None:
    found = inspect(market_data / "EURUSD_M15_mt4_2019-2021.csv", "broker-eu")
    assert (found.format, found.rows, found.gaps, found.duplicates) == ("MetaTrader 4", 65_000, 135 + 9, 0)
    repeated = inspect(market_data / "formats" / "binance_ccxt_REPEATED_PAGES_M15.csv")
    assert (repeated.rows, repeated.duplicates) == (2_299, 1_299)
