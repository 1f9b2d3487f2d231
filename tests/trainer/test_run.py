"""A whole small run: the same seed gives the same bundle, and what cannot be learned from is refused at once."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

import trainer.run
from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS, Bundle
from natron.cli import app
from shared.contracts import Candles, Series
from shared.errors import BundleError, TrainingError
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from trainer.bundling import export_run
from trainer.export import run_windows
from trainer.histories import History, Lesson
from trainer.request import TrainingRequest, TrainingResult
from trainer.run import Fitted, new_model, train_histories
from trainer.run_folder import EpochReport

pytestmark = pytest.mark.slow

FLAGS = {"model.preset": "tiny", "training.supervised.epochs": 3, "training.threads": 1}

MakeCandles = Callable[[int, int], Candles]


def _history(candles: Candles, symbol: str = "TEST") -> History:
    return History(Series(symbol, "M15"), candles, "UTC", "0" * 64)


def _request(out: Path, seed: int = 7) -> TrainingRequest:
    return TrainingRequest((), out, load_settings(None, {}, FLAGS | {"training.seed": seed}))


@pytest.fixture(scope="module")
def histories(make_candles: MakeCandles) -> list[History]:
    return [_history(make_candles(6_500, 10), "ONE"), _history(make_candles(6_200, 11), "TWO")]


@pytest.fixture(scope="module")
def result(histories: list[History], tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    return train_histories(_request(tmp_path_factory.mktemp("bundles") / "first"), histories)


def test_a_bundle_loads_and_answers_its_golden_windows(result: TrainingResult) -> None:
    bundle = Bundle.load(result.path)
    assert bundle.manifest == result.manifest
    assert bundle.manifest.id == "first"
    assert bundle.manifest.feature_set.hash == FEATURE_SET.hash
    golden = bundle.manifest.golden
    found = run_windows(bundle.graph, golden.rows.array, bundle.manifest.caches)
    for head in HEADS:
        np.testing.assert_allclose(found[head], golden.outputs[head].array, rtol=0, atol=1e-6)


def test_the_manifest_tells_what_the_run_did(result: TrainingResult, histories: list[History]) -> None:
    manifest = result.manifest
    assert [record.candles for record in manifest.data] == [len(one.candles) for one in histories]
    assert {(record.series, record.head) for record in manifest.metrics} == {
        (series, head) for series in ("ONE.M15", "TWO.M15", "all") for head in HEADS
    }
    assert set(manifest.labels) == set(manifest.temperatures) == set(HEADS)
    assert manifest.training["training.supervised.epochs"] == 3
    assert manifest.test_split_reads == 1
    assert all(split.train.last < split.validation.first < split.test.first for split in manifest.splits)


def test_the_model_learned_something_and_baselines_stand_beside_it(result: TrainingResult) -> None:
    everywhere = {record.head: record for record in result.manifest.metrics if record.series == "all"}
    assert everywhere["regime"].accuracy > everywhere["regime"].majority + 0.1
    assert everywhere["regime"].persistence > everywhere["regime"].majority + 0.1
    assert [epoch.epoch for epoch in result.epochs] == [1, 2, 3]


def test_weights_are_written_without_pickle_and_hold_the_scaler(result: TrainingResult) -> None:
    weights = load_file(result.path / "weights.safetensors")
    np.testing.assert_allclose(1 / weights["scale"], result.manifest.scaler.scale, rtol=1e-6)


def test_the_same_seed_gives_the_same_bundle_bit_for_bit(
    result: TrainingResult, histories: list[History], tmp_path: Path
) -> None:
    train_histories(_request(tmp_path / "first"), histories)
    for path in result.path.iterdir():
        assert path.read_bytes() == (tmp_path / "first" / path.name).read_bytes(), path.name


def test_no_path_of_the_machine_is_in_a_bundle(result: TrainingResult) -> None:
    for path in result.path.iterdir():
        assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()


def test_a_run_exports_its_bundle_again_under_another_name(result: TrainingResult, tmp_path: Path) -> None:
    manifest = export_run(result.run, tmp_path / "again", ["bf16"], save_weights=False)
    bundle = Bundle.load(tmp_path / "again")
    assert bundle.manifest == manifest
    assert manifest.id == "again"
    assert sorted(manifest.files) == ["model.bf16.onnx", "model.onnx"]
    assert bundle.graph == (result.path / "model.onnx").read_bytes()
    assert manifest.variants[0].file == "model.bf16.onnx"


def test_a_run_whose_files_were_altered_is_not_exported(result: TrainingResult, tmp_path: Path) -> None:
    run = shutil.copytree(result.run, tmp_path / "run")
    weights = bytearray((run / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (run / "weights.safetensors").write_bytes(weights)
    with pytest.raises(BundleError, match="sha256"):
        export_run(run, tmp_path / "again")
    (run / "manifest.json").unlink()
    with pytest.raises(TrainingError, match="no finished run"):
        export_run(run, tmp_path / "again")


def test_a_finished_run_keeps_how_to_repeat_it_and_no_checkpoint(result: TrainingResult) -> None:
    identity = json.loads((result.run / "run.json").read_text())
    assert identity["settings"]["training.seed"] == 7
    assert set(identity["data"]) == {"ONE.M15", "TWO.M15"}
    assert len((result.run / "history.jsonl").read_text().splitlines()) == 3
    assert list((result.run / "tensorboard").glob("events*"))
    assert not (result.run / "checkpoints").exists()


def test_bundle_verify_shows_what_is_wrong(result: TrainingResult, tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["bundle", "verify", str(result.path)]).exit_code == 0
    broken = shutil.copytree(result.path, tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"no graph")
    assert isinstance(runner.invoke(app, ["bundle", "verify", str(broken)]).exception, BundleError)
    listed = json.loads(runner.invoke(app, ["bundle", "list", "--registry", str(tmp_path), "--json"]).stdout)
    assert [row["id"] for row in listed] == ["broken"]
    assert "sha256" in listed[0]["fault"]
    shown = json.loads(runner.invoke(app, ["bundle", "show", str(result.path), "--json"]).stdout)
    assert shown["id"] == "first"


def test_the_bounds_and_histograms_are_in_the_manifest(result: TrainingResult) -> None:
    assert result.manifest.bounds is not None
    assert result.manifest.histograms is not None
    assert (result.manifest.confidence_min, result.manifest.expires_ms) == (0, None)


def test_full_attention_is_trained_and_has_no_bundle(
    histories: list[History], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(_: Lesson, settings: Settings, *args: object, **kwargs: object) -> Fitted:
        return Fitted(new_model(settings), (EpochReport(1, 1, 0.9, 0.9, True),))

    monkeypatch.setattr(trainer.run, "fit_model", fit)  # which takes a minute: 96 times the work
    request = TrainingRequest((), tmp_path / "full", load_settings(None, {}, FLAGS | {"model.attention": "full"}))
    found = train_histories(request, histories[:1])
    assert found.manifest is None
    assert found.path == tmp_path / "full.run"
    assert not (tmp_path / "full").exists()


def _refused(out: Path, histories: list[History]) -> TrainingError:
    """Train and return the error; nothing may have been learned or written."""

    def never(_: EpochReport) -> None:
        pytest.fail("an epoch was run")

    with pytest.raises(TrainingError) as error:
        train_histories(_request(out), histories, report=never)
    assert not (out / "manifest.json").exists()
    return error.value


def test_no_file_is_refused(tmp_path: Path) -> None:
    assert _refused(tmp_path / "x", []).field == "csv"


def test_too_few_candles_are_refused_with_the_number_needed(tmp_path: Path, histories: list[History]) -> None:
    error = _refused(tmp_path / "x", [_history(histories[0].candles[:1_000])])
    assert error.value == 1_000
    assert "must be at least" in error.rule


def test_one_series_in_two_files_is_refused(tmp_path: Path, histories: list[History]) -> None:
    assert "more than one file" in _refused(tmp_path / "x", [histories[0], histories[0]]).rule


def test_a_market_that_never_moves_is_refused_by_the_missing_class(tmp_path: Path, histories: list[History]) -> None:
    flat = histories[0].candles.copy()
    for name in "ohlc":
        flat[name] = 1.0
    assert _refused(tmp_path / "x", [_history(flat)]).field == "labels of buy"


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, histories: list[History]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be written" in _refused(tmp_path / "file" / "bundle", histories).rule
    assert "bundle id" in _refused(tmp_path / ("x" * 25), histories).rule
