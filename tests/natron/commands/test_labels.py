"""``natron labels``, and what ``natron train`` refuses: one line, before any work is done."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from inference_worker.bundle import HEADS
from natron.cli import app
from producer.sample import sample_candles, write_candles
from shared.contracts import Candles
from shared.errors import InputError

COUNT = 6_200
Break = Callable[[Path, pd.DataFrame], Path]


@pytest.fixture(scope="module")
def candles() -> Candles:
    return sample_candles(COUNT, "M15", 5)


@pytest.fixture(scope="module")
def export(candles: Candles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "SAMPLE_M15.csv"
    write_candles(candles, path)
    return path


def natron(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_every_head_is_described_with_its_baselines(export: Path) -> None:
    shown = natron("labels", "describe", "--csv", export, "--json")
    found = {one["head"]: one for one in json.loads(shown.stdout)}
    assert list(found) == list(HEADS)
    for head, one in found.items():
        assert list(one["shares"]) == list(HEADS[head])
        assert sum(one["shares"].values()) == pytest.approx(1)
        assert list(one["autocorrelation"]) == ["1", "5", "20"]
        assert all(0 < one[name] < 1 for name in ("majority", "persistence", "walk_majority", "walk_persistence"))
        assert one["thresholds"]
    # Setups and volatility have memory, walks included; an outcome three candles ahead has none.
    assert found["buy"]["persistence"] > found["buy"]["majority"]
    assert found["buy"]["walk_persistence"] > found["buy"]["walk_majority"]
    assert found["direction"]["persistence"] < 0.4
    assert found["long_win"]["thresholds"] == {"cost_bps": pytest.approx(0.7, abs=0.1)}  # 8 points of about 1.12


def test_the_table_shows_every_head_and_what_was_assumed(export: Path) -> None:
    shown = natron("labels", "describe", "--csv", export, "--cost-bps", "3").stdout
    assert all(head in shown for head in HEADS)
    assert "note: SAMPLE_M15.csv: no zone given" in shown


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_are_written_a_row_a_candle(export: Path, tmp_path: Path, candles: Candles, ending: str) -> None:
    out = tmp_path / f"labels.{ending}"
    assert natron("labels", "compute", "--csv", export, "--out", out).exit_code == 0
    table = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    assert list(table) == ["t", *HEADS]
    np.testing.assert_array_equal(table["t"], candles["t"][:-1])
    for head, names in HEADS.items():
        assert set(table[head]) == set(range(-1, len(names)))
    assert (table["direction"][-3:] == -1).all()


def test_a_parquet_table_and_a_cache_give_the_same(export: Path, tmp_path: Path, candles: Candles) -> None:
    pd.DataFrame({name: candles[name] for name in "tohlcv"}).to_parquet(tmp_path / "SAMPLE.parquet")
    cached = ("--set", f"cache.folder={tmp_path / 'cache'}")
    plain = ("--csv", export, "--cost-bps", "1")
    first, second, third = (tmp_path / f"{name}.csv" for name in "abc")
    natron("labels", "compute", *plain, "--out", first, *cached)
    natron("labels", "compute", *plain, "--out", second, *cached)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    natron("labels", "compute", *plain, "--out", third, *cached, "--no-cache")
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()
    natron("labels", "compute", "--parquet", tmp_path / "SAMPLE.parquet", "--out", tmp_path / "d.csv")
    table, other = pd.read_csv(first), pd.read_csv(tmp_path / "d.csv")
    pd.testing.assert_frame_equal(
        table.drop(columns=["long_win", "short_win"]), other[[*list(table)[:5], "high_volatility"]]
    )


def _too_few(path: Path, table: pd.DataFrame) -> Path:
    table[:1_000].to_csv(path, index=False)
    return path


def _one_class(path: Path, table: pd.DataFrame) -> Path:
    table.assign(o=1.0, h=1.0, l=1.0, c=1.0).to_csv(path, index=False)
    return path


def _nan(path: Path, table: pd.DataFrame) -> Path:
    table.assign(c=table["c"].where(table.index != 4_321)).to_csv(path, index=False)
    return path


def _mixed(path: Path, table: pd.DataFrame) -> Path:
    pd.concat([table, table[:3_000].assign(t=table["t"].iloc[-1] + 3_600_000 * (2 + table.index[:3_000]))]).to_csv(
        path, index=False
    )
    return path


def _columns(path: Path, table: pd.DataFrame) -> Path:
    table[["t", "v"]].to_csv(path, index=False)
    return path


def _absent(path: Path, _: pd.DataFrame) -> Path:
    return path


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (_too_few, r"candles of BAD\.M15 = 999: must be at least \d+; give a longer history"),
        (_one_class, r"labels of buy = .*: must hold enough of the class setup"),
        (_nan, r"BAD\.csv, line 4323, c = '': must be a number; mend the 1 rows"),
        (_mixed, r"lines 6201 to 9201 = 'H1': is their timeframe, and M15 that of the file; split the file"),
        (_columns, r"has no rows of a time and four prices"),
        (_absent, r"BAD\.csv"),
    ],
)
def test_a_file_that_nothing_can_be_learned_from_is_refused_in_one_line(
    spoil: Break, rule: str, tmp_path: Path, candles: Candles
) -> None:
    path = spoil(tmp_path / "BAD.csv", pd.DataFrame({name: candles[name] for name in "tohlcv"}))
    out = tmp_path / "made"
    failure = natron("train", "--csv", path, "--out", out, "--preset", "tiny").exception
    assert isinstance(failure, InputError)
    with pytest.raises(InputError, match=rule):
        raise failure
    assert "\n" not in str(failure)
    assert not out.exists()


@pytest.mark.parametrize("command", [("train",), ("labels", "compute")])
def test_a_folder_that_takes_no_files_is_refused_before_the_file_is_read(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / ("x.csv" if command[0] == "labels" else "x")
    failure = natron(*command, "--csv", tmp_path / "none.csv", "--out", out).exception
    assert isinstance(failure, InputError)
    assert "cannot be written" in str(failure)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("labels", "describe"), "give --csv or --parquet at least once"),
        (("labels", "describe", "--parquet", "a.parquet,zone=UTC"), "parquet = 'zone=UTC': must be one of symbol"),
        (("labels", "compute", "--out", "x.txt", "--csv", "a"), "must end in .parquet or .csv"),
        (("labels", "compute", "--out", "x.csv", "--csv", "a", "--csv", "b"), "are several files"),
        (("train", "--out", "made"), "give --csv or --parquet at least once"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    failure = natron(*arguments).exception
    assert isinstance(failure, InputError)
    assert message in str(failure)
