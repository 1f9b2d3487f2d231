"""One training run over histories that are read already."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from feature_service.feature_set import FEATURE_SET
from shared.errors import TrainingError
from shared.settings.groups import TrainingSettings
from trainer.bundling import check_out, write_bundle
from trainer.cache import open_cache
from trainer.histories import History, Lesson, prepare_lesson
from trainer.model import PRESETS, Natron
from trainer.request import TrainingRequest, TrainingResult
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
    lesson = prepare_lesson(histories, settings.data, settings.labels, open_cache(settings.cache))
    epochs: list[EpochReport] = []

    def keep(done: EpochReport) -> None:
        epochs.append(done)
        report(done)

    with _repeatable(settings.training.seed, settings.training.threads):
        model = Natron(FEATURE_SET.size, PRESETS[settings.model.preset], settings.features.clip)
        _set_scaler(model, lesson)
        generator = np.random.default_rng(settings.training.seed)
        best = fit_supervised(
            model, lesson.series, settings.training.supervised, settings.optimization, generator, keep
        )
        manifest = write_bundle(request, histories, lesson, model, best.epoch)
    return TrainingResult(request.out, manifest, tuple(epochs), (*notes, *lesson.notes), time.monotonic() - started)


def _check_phases(training: TrainingSettings) -> None:
    """Refuse what is asked for and not built, instead of leaving it out in silence."""
    for key, value in (
        ("training.pretrain.epochs", training.pretrain.epochs),
        ("training.rl.episodes", training.rl.episodes),
    ):
        if value:
            raise TrainingError(key, value, "this phase is not built yet", "leave it at 0")


def _set_scaler(model: Natron, lesson: Lesson) -> None:
    model.centre.copy_(torch.from_numpy(lesson.scaler.centre))
    model.scale.copy_(torch.from_numpy(lesson.scaler.scale))


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
