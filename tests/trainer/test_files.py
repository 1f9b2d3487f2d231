"""A file that could spoil a lesson is refused in one line, before anything is computed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from producer.sample import sample_candles, write_candles
from shared.contracts import Candles
from shared.errors import FormatError, InputError, TrainingError
from trainer.files import read_spec
from trainer.request import CsvSpec


@pytest.fixture(scope="module")
def candles() -> Candles:
    return sample_candles(1_200, "M15", 1)


def _table(candles: Candles) -> pd.DataFrame:
    return pd.DataFrame({name: candles[name] for name in "tohlcv"})


def test_an_export_and_a_parquet_table_of_the_same_candles_are_one_history(tmp_path: Path, candles: Candles) -> None:
    write_candles(candles, tmp_path / "S_M15.csv")
    _table(candles).to_parquet(tmp_path / "S.parquet")
    exported, notes = read_spec(CsvSpec(tmp_path / "S_M15.csv"))
    table, none = read_spec(CsvSpec(tmp_path / "S.parquet"))
    np.testing.assert_array_equal(exported.candles, table.candles)
    assert (exported.series, exported.tz) == (table.series, table.tz)
    assert len(exported.candles) == len(candles) - 1  # the newest may still be open
    assert notes == ["S_M15.csv: no zone given and none in the stamps, read as UTC"]
    assert not none


def test_the_spread_of_an_export_becomes_a_price(tmp_path: Path, candles: Candles) -> None:
    write_candles(candles, tmp_path / "S.csv")  # 8 points of a five-digit price
    spread = read_spec(CsvSpec(tmp_path / "S.csv"))[0].spread
    assert spread is not None
    np.testing.assert_allclose(spread, 8e-5)


def test_a_number_that_is_none_is_refused_with_its_line(tmp_path: Path, candles: Candles) -> None:
    table = _table(candles)
    table.loc[700, "c"] = np.nan
    table.to_csv(tmp_path / "S.csv", index=False)
    with pytest.raises(TrainingError, match=r"S\.csv, line 702, c = '': must be a number; mend the 1 rows"):
        read_spec(CsvSpec(tmp_path / "S.csv"))


def test_few_rows_that_are_no_candles_are_said_and_many_refused(tmp_path: Path, candles: Candles) -> None:
    table = _table(candles)
    table.loc[700, "h"] = table["l"][700] / 2
    table.to_csv(tmp_path / "S.csv", index=False)
    history, notes = read_spec(CsvSpec(tmp_path / "S.csv"))
    assert len(history.candles) == len(candles) - 2
    assert notes == ["S.csv: 1 rows refused, as they are no candles"]
    table.loc[700:749, "h"] = table["l"][700:750] / 2
    table.to_csv(tmp_path / "S.csv", index=False)
    with pytest.raises(TrainingError, match="50 of 1200 rows refused"):
        read_spec(CsvSpec(tmp_path / "S.csv"))


@pytest.mark.parametrize("wider_first", [False, True])
def test_two_timeframes_in_one_file_are_refused(tmp_path: Path, candles: Candles, wider_first: bool) -> None:
    hours = sample_candles(800, "H1", 2)
    if wider_first:
        candles = candles.copy()
        candles["t"] += 10 * 365 * 86_400_000
    else:
        hours["t"] += 10 * 365 * 86_400_000
    table = pd.concat([_table(candles), _table(hours)]).sort_values("t")
    table.to_csv(tmp_path / "S.csv", index=False)
    with pytest.raises(FormatError, match="one timeframe each"):
        read_spec(CsvSpec(tmp_path / "S.csv"))


def test_holes_do_not_make_another_timeframe(tmp_path: Path, candles: Candles) -> None:
    kept = np.random.default_rng(0).random(len(candles)) < 0.6  # a thin market
    _table(candles[kept]).to_csv(tmp_path / "S.csv", index=False)
    assert read_spec(CsvSpec(tmp_path / "S.csv"))[0].series.timeframe == "M15"


@pytest.mark.parametrize("text", ["", "hello\n", "a,b\n1,2\n3,4\n", "t,o,h,l,c,v\n"])
def test_a_file_without_candles_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "S.csv").write_text(text)
    with pytest.raises(InputError) as error:
        read_spec(CsvSpec(tmp_path / "S.csv"))
    assert "\n" not in str(error.value)


def test_a_table_without_prices_is_refused(tmp_path: Path, candles: Candles) -> None:
    _table(candles).drop(columns="h").to_parquet(tmp_path / "S.parquet")
    with pytest.raises(InputError, match="no four neighbours that are candle prices"):
        read_spec(CsvSpec(tmp_path / "S.parquet"))
