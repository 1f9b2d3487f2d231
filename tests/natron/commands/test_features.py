"""``natron features``: what a person sees."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from natron.cli import app
from producer.history import read_history
from producer.sample import sample_candles, write_candles
from shared.errors import InputError


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "sample.csv"
    write_candles(sample_candles(1_800, "M15", 3), path)
    return path


def natron(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["features", *map(str, arguments)])


def test_the_list_as_json_has_every_feature_with_its_fields() -> None:
    rows = json.loads(natron("list", "--json").stdout)
    assert [row["name"] for row in rows] == list(FEATURE_SET.names)
    assert rows[0].keys() == {"name", "family", "formula", "inputs", "unit", "low", "high", "lookback", "source"}


def test_the_list_as_a_table_shows_whole_names() -> None:
    shown = natron("list").stdout
    assert all(name in shown for name in FEATURE_SET.names)


def test_one_feature_is_explained() -> None:
    shown = natron("explain", "rsi_14").stdout
    assert "Wilder" in shown
    assert "TA-Lib RSI" in shown


def test_an_unknown_feature_is_refused_with_the_nearest() -> None:
    failure = natron("explain", "rsi14").exception
    assert isinstance(failure, InputError)
    assert "rsi_14" in str(failure)


def test_the_rows_of_a_file_are_those_of_its_history_without_the_open_candle(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    shown = natron("compute", "--csv", export, "--symbol", "EURUSD", "--timeframe", "M15", "--out", out)
    assert shown.exit_code == 0, shown.output
    frame = pd.read_parquet(out)
    candles = read_history(export, "M15").candles[:-1]
    assert frame["t"].tolist() == candles["t"].tolist()
    assert frame[list(FEATURE_SET.names)].to_numpy().tobytes() == compute_history(candles).tobytes()
    assert "1 candle left out" in shown.stdout


def test_the_last_candle_is_there_where_it_is_said_to_be_closed(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    natron("compute", "--csv", export, "--symbol", "S", "--timeframe", "M15", "--out", out, "--last-closed")
    assert len(pd.read_csv(out)) == len(read_history(export, "M15").candles)


def test_a_check_of_a_file_finds_no_bias(export: Path) -> None:
    shown = natron("check", "--csv", export)
    assert shown.exit_code == 0, shown.output
    assert "lookahead-analysis: 0 of 98" in shown.stdout
    assert "recursive-analysis: 0 of 98" in shown.stdout
    assert all(name in shown.stdout for name in FEATURE_SET.names)


def test_a_check_as_json_has_every_feature(export: Path) -> None:
    found = json.loads(natron("check", "--csv", export, "--json").stdout)
    assert [one["name"] for one in found] == list(FEATURE_SET.names)
    assert all(one["lookahead"] == 0 for one in found)
