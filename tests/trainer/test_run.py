"""A whole small run: the same seed gives the same bundle, and what cannot be learned from is refused at once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS, Bundle
from shared.contracts import Candles, Series
from shared.errors import TrainingError
from shared.settings.loading import load_settings
from trainer.export import run_windows
from trainer.histories import History
from trainer.request import TrainingRequest, TrainingResult
from trainer.run import train_histories
from trainer.run_folder import EpochReport

pytestmark = pytest.mark.slow

FLAGS = {"model.preset": "tiny", "training.supervised.epochs": 2, "training.threads": 1}

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
    assert manifest.training["training.supervised.epochs"] == 2
    assert manifest.test_split_reads == 1
    assert all(split.train.last < split.validation.first < split.test.first for split in manifest.splits)


def test_the_model_learned_something_and_baselines_stand_beside_it(result: TrainingResult) -> None:
    everywhere = {record.head: record for record in result.manifest.metrics if record.series == "all"}
    assert everywhere["regime"].accuracy > everywhere["regime"].majority + 0.1
    assert everywhere["regime"].persistence > everywhere["regime"].majority + 0.1
    assert [epoch.epoch for epoch in result.epochs] == [1, 2]


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
