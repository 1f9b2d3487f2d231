"""From files to a bundle: what was assumed of a file is said."""

from pathlib import Path

import pytest

from feature_service.pipeline import compute_history
from inference_worker.bundle import Bundle
from inference_worker.session import Job, Session
from producer.sample import sample_candles, write_candles
from shared.contracts import WINDOW
from shared.errors import InputError, TrainingError
from shared.settings.loading import load_settings
from trainer.request import CsvSpec, TrainingRequest
from trainer.training import train

SETTINGS = load_settings(
    None,
    {},
    {
        "model.preset": "tiny",
        "training.phases": "pretrain,supervised,rl",
        "training.pretrain.epochs": 1,
        "training.pretrain.ablation_epochs": 1,
        "training.supervised.epochs": 1,
        "training.rl.episodes": 32,
        "training.rl.parallel": 16,
        "training.rl.episode_candles": 64,
    },
)


@pytest.mark.slow
def test_a_file_becomes_a_bundle_by_all_three_phases_and_answers_a_window(tmp_path: Path) -> None:
    path = tmp_path / "SAMPLE_M15.csv"
    candles = sample_candles(6_500, "M15", 1)
    write_candles(candles, path)
    request = TrainingRequest((CsvSpec(path),), tmp_path / "made", SETTINGS, save_weights=False)
    result = train(request)
    assert result.notes == ("SAMPLE_M15.csv: no zone given and none in the stamps, read as UTC",)
    bundle = Bundle.load(tmp_path / "made")
    manifest = bundle.manifest
    (record,) = manifest.data
    assert (record.symbol, record.timeframe, record.tz) == ("SAMPLE", "M15", "UTC")
    assert (record.candles, record.last) == (6_499, int(candles["t"][-2]))  # the newest row is still open
    assert sorted(manifest.files) == ["model.onnx", "policy.onnx"]
    assert manifest.policy is not None
    assert manifest.training["pretrain.kept"] in {0, 1}
    session = Session(bundle, threads=1, max_tokens=256)
    rows = compute_history(candles)[-WINDOW:]
    (answer,) = session.run([Job(session.acquire(), rows, fresh=True)])
    assert answer["regime"][-1].sum() == pytest.approx(1, abs=1e-5)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        train(TrainingRequest((CsvSpec(tmp_path / "none.csv"),), tmp_path / "made", SETTINGS))


def test_the_folder_is_checked_before_any_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="out"):
        train(TrainingRequest((CsvSpec(tmp_path / "none.csv"),), tmp_path / ("x" * 25), SETTINGS))
