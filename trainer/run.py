"""One training run over histories that are read already."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from feature_service.feature_set import FEATURE_SET
from shared.errors import TrainingError
from shared.settings.groups import Settings, TrainingSettings
from trainer.bundling import check_out, write_bundle
from trainer.calibration import calibrate
from trainer.histories import History, Lesson, prepare_lesson
from trainer.model import PRESETS, Natron
from trainer.request import TrainingRequest, TrainingResult
from trainer.run_folder import RunFolder
from trainer.scaler import Scaler
from trainer.supervised import EpochReport, fit_supervised


def train_histories(
    request: TrainingRequest,
    histories: Sequence[History],
    notes: Sequence[str] = (),
    report: Callable[[EpochReport], None] = lambda _: None,
) -> TrainingResult:
    """Train, calibrate, score on the test split once, export, and write the bundle.

    Parameters
    ----------
    histories
        What is learned from; ``request.csv`` is not looked at.
    notes
        What was assumed of the files, kept in the result.
    report
        Called after every epoch.

    Raises
    ------
    TrainingError
        The folder cannot be written, or the histories cannot be learned from; before any training.
    """
    started = time.monotonic()
    check_out(request.out)
    settings = request.settings
    _check_phases(settings.training)
    lesson = prepare_lesson(histories, settings.data, settings.labels)
    fitted = fit_model(lesson, settings, settings.training.seed, report)
    with _repeatable(settings.training.seed, settings.training.threads):
        manifest = write_bundle(request, histories, lesson, fitted.model, fitted.best.epoch)
    return TrainingResult(request.out, manifest, fitted.epochs, tuple(notes), time.monotonic() - started)


@dataclass(frozen=True)
class Fitted:
    """A trained model, and how it came about."""

    model: Natron  # at its best epoch, calibrated
    epochs: tuple[EpochReport, ...]

    @property
    def best(self) -> EpochReport:
        """The epoch whose weights the model has."""
        return min(self.epochs, key=lambda one: one.validation_log_loss)


def fit_model(
    lesson: Lesson,
    settings: Settings,
    seed: int,
    report: Callable[[EpochReport], None] = lambda _: None,
    out: Path | None = None,
) -> Fitted:
    """Train and calibrate a model on the training and validation splits; the test splits are never read.

    Parameters
    ----------
    seed
        Of weights, batches and order, instead of ``settings.training.seed``.
    report
        Called after every epoch.
    out
        Folder of the run's history of losses; None: nothing is kept.
    """
    epochs: list[EpochReport] = []

    def keep(done: EpochReport) -> None:
        epochs.append(done)
        if out is not None:
            RunFolder(out).append(done)
        report(done)

    with _repeatable(seed, settings.training.threads):
        model = Natron(FEATURE_SET.size, PRESETS[settings.model.preset], settings.features.clip)
        _set_scaler(model, lesson)
        generator = np.random.default_rng(seed)
        fit_supervised(model, lesson.series, settings.training.supervised, settings.optimization, generator, keep)
        calibrate(model, lesson.series)
    return Fitted(model, tuple(epochs))


def _check_phases(training: TrainingSettings) -> None:
    """Refuse what is asked for and not built, instead of leaving it out in silence."""
    for key, value in (
        ("training.pretrain.epochs", training.pretrain.epochs),
        ("training.rl.episodes", training.rl.episodes),
    ):
        if value:
            raise TrainingError(key, value, "this phase is not built yet", "leave it at 0")


def _set_scaler(model: Natron, lesson: Lesson) -> None:
    parts = [one.rows[one.splits.train.start : one.splits.train.stop] for one in lesson.series]
    scaler = Scaler.fit(parts)
    model.centre.copy_(torch.from_numpy(scaler.centre))
    model.scale.copy_(torch.from_numpy(scaler.scale))


@contextmanager
def _repeatable(seed: int, threads: int) -> Iterator[None]:
    """Make torch give the same bits for the same seed; leave it as it was found."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])
