"""The search goes on where it stood, counts every trial, and stays within its space."""

from pathlib import Path

import numpy as np
import pytest

from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE
from shared.errors import TrainingError
from shared.settings.groups import Settings
from shared.settings.loading import load_settings, with_values
from trainer import tuning
from trainer.chunks import LabelledSeries
from trainer.histories import Lesson
from trainer.run import Fitted
from trainer.run_folder import EpochReport
from trainer.splits import Span, Splits
from trainer.tuning import SPACE, Trial, search


@pytest.fixture
def lesson() -> Lesson:
    labels = {head: np.zeros(10, np.int8) for head in HEADS}
    splits = Splits(Span(0, 4), Span(4, 7), Span(7, 10))
    rows = np.zeros((10, 98), np.float32)
    one = LabelledSeries("A.M15", rows, labels, splits, np.zeros(10, CANDLE_DTYPE), np.zeros(10))
    return Lesson((one,), None, ())  # type: ignore[arg-type] - nothing of the labels' fit is looked at


@pytest.fixture(autouse=True)
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Stand in for training: the loss is the distance of the learning rate from 0.002."""
    asked: list[Settings] = []

    def fit(lesson: Lesson, settings: Settings, seed: int, report: object) -> Fitted:
        asked.append(settings)
        loss = abs(np.log(settings.optimization.learning_rate / 0.002))
        return Fitted(None, (EpochReport(1, 1, 0.0, float(loss), True),))  # type: ignore[arg-type]

    monkeypatch.setattr(tuning, "fit_model", fit)
    return asked


def test_a_search_goes_on_and_counts_all_its_trials(lesson: Lesson, fits: list[Settings], tmp_path: Path) -> None:
    seen: list[Trial] = []
    _, first = search(lesson, Settings(), tmp_path / "study", 3, seen.append)
    best, count = search(lesson, Settings(), tmp_path / "study", 12, seen.append)
    assert (first, count, len(fits)) == (3, 12, 12)
    assert [trial.number for trial in seen] == list(range(12))
    assert best.loss == min(trial.loss for trial in seen if trial.loss is not None)
    assert set(best.values) == set(SPACE)


def test_every_suggestion_is_a_setting_and_can_be_pasted(lesson: Lesson, fits: list[Settings], tmp_path: Path) -> None:
    best, _ = search(lesson, Settings(), tmp_path / "study", 4)
    flags = dict(part.split("=") for part in best.assignments.replace("--set ", "").split())
    assert load_settings(None, {}, flags) == with_values(Settings(), best.values)


def test_a_study_of_other_settings_is_not_gone_on_with(lesson: Lesson, tmp_path: Path) -> None:
    search(lesson, Settings(), tmp_path / "study", 1)
    with pytest.raises(TrainingError, match="another lesson or other settings"):
        search(lesson, with_values(Settings(), {"model.preset": "tiny"}), tmp_path / "study", 2)
