"""``natron backtest``: what a person sees."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from inference_worker.testing import write_variant
from natron.cli import app
from producer.sample import sample_candles, write_candles
from shared.errors import InputError
from shared.settings.groups import Settings


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "SAMPLE.csv"
    write_candles(sample_candles(1_000, "M15", 3), path)
    return path


def natron(export: Path, *arguments: object, bundle: Path | None = None) -> Result:
    bundle = bundle or bundle_folder(Settings())
    return CliRunner().invoke(app, ["backtest", "--bundle", str(bundle), "--csv", str(export), *map(str, arguments)])


def test_candles_older_than_the_training_data_are_refused_and_with_all_marked(export: Path, tmp_path: Path) -> None:
    refused = natron(export, "--rule", "setup")
    assert isinstance(refused.exception, InputError)
    assert "--all" in str(refused.exception)
    options = ("--rule", "setup", "--all", "--spread", "2bps", "--slippage", "0", "--out", tmp_path / "out")
    found = json.loads(natron(export, *options, "--set", "backtest.placebo_draws=5", "--json").stdout)
    assert found["sample"] == "IN-SAMPLE"
    assert found["round_trip_bps"] == pytest.approx(2, abs=0.01)
    assert found == json.loads((tmp_path / "out" / "report.json").read_text())
    assert "IN-SAMPLE" in natron(export, *options).stdout


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (("--rule", "hope"), "rule"),
        (("--rule", "setup", "--exit-at", "noon"), "exit-at"),
        (("--rule", "setup", "--stop", "-1"), "stop"),
        (("--rule", "setup", "--spread", "2 pips"), "spread"),
        (("--rule", "setup", "--out", "x", "--format", "xlsx"), "format"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(export: Path, options: tuple[str, ...], field: str) -> None:
    refused = natron(export, *options)
    assert isinstance(refused.exception, InputError)
    assert refused.exception.field == field


def test_a_bundle_without_a_policy_has_no_such_rule(export: Path, tmp_path: Path) -> None:
    write_variant(Bundle.load(bundle_folder(Settings())), "plain", tmp_path / "plain", keep_policy=False)
    refused = natron(export, "--rule", "policy", "--all", bundle=tmp_path / "plain")
    assert isinstance(refused.exception, InputError)
    assert refused.exception.field == "rule"
    assert "plain" in str(refused.exception)
