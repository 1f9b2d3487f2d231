"""From files to a bundle: what was assumed of a file is said."""

from pathlib import Path

import pytest

from inference_worker.bundle import Bundle
from producer.sample import sample_candles, write_candles
from shared.errors import InputError, TrainingError
from shared.settings.loading import load_settings
from trainer.request import CsvSpec, TrainingRequest
from trainer.training import train

SETTINGS = load_settings(None, {}, {"model.preset": "tiny", "training.supervised.epochs": 1})


@pytest.mark.slow
def test_a_file_becomes_a_bundle_and_the_assumed_zone_is_said(tmp_path: Path) -> None:
    path = tmp_path / "SAMPLE_M15.csv"
    candles = sample_candles(6_500, "M15", 1)
    write_candles(candles, path)
    request = TrainingRequest((CsvSpec(path),), tmp_path / "made", SETTINGS, save_weights=False)
    result = train(request)
    assert result.notes == ("SAMPLE_M15.csv: no zone given and none in the stamps, read as UTC",)
    manifest = Bundle.load(tmp_path / "made").manifest
    (record,) = manifest.data
    assert (record.symbol, record.timeframe, record.tz) == ("SAMPLE", "M15", "UTC")
    assert (record.candles, record.last) == (6_499, int(candles["t"][-2]))  # the newest row is still open
    assert sorted(manifest.files) == ["model.onnx"]


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        train(TrainingRequest((CsvSpec(tmp_path / "none.csv"),), tmp_path / "made", SETTINGS))


def test_the_folder_is_checked_before_any_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="out"):
        train(TrainingRequest((CsvSpec(tmp_path / "none.csv"),), tmp_path / ("x" * 25), SETTINGS))
