"""One training run over histories that are read already."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from feature_service.feature_set import FEATURE_SET
from shared.settings.groups import Settings
from trainer.bundling import check_out, write_bundle
from trainer.cache import open_cache
from trainer.calibration import calibrate
from trainer.epochs import Progress, Run
from trainer.histories import History, Lesson, prepare_lesson
from trainer.machine import Machine, open_machine
from trainer.model import PRESETS, Natron
from trainer.policy.training import PolicyReport, fit_policy
from trainer.pretraining import fit_pretraining
from trainer.provenance import run_identity
from trainer.request import TrainingRequest, TrainingResult
from trainer.run_folder import EpochReport, RunFolder, check_run, drop_checkpoints
from trainer.supervised import fit_supervised
from trainer.variants import check_kinds


def train_histories(
    request: TrainingRequest,
    histories: Sequence[History],
    notes: Sequence[str] = (),
    report: Callable[[EpochReport], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
    policy_report: Callable[[PolicyReport], None] = lambda _: None,
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
    progress
        Called after every step.
    policy_report
        Called after every improvement of the policy.

    Raises
    ------
    TrainingError
        The folder cannot be written, or the histories cannot be learned from; before any training. A variant that
        is not good enough, after it.
    """
    started = time.monotonic()
    check_out(request.out)
    check_run(request.run_folder)
    check_kinds(request.variants)
    settings, folder = request.settings, request.run_folder
    lesson = prepare_lesson(histories, settings.data, settings.labels, open_cache(settings.cache))
    fitted = fit_model(
        lesson, settings, settings.training.seed, report, folder, resume=request.resume, progress=progress
    )
    model, facts = fitted.model, {"best_epoch": fitted.best.epoch, **fitted.facts}
    manifest = None
    if fitted.main and model.attention == "banded":
        with _repeatable(settings.training.seed, settings.training.threads):
            rl = "rl" in settings.training.phases.split(",")
            policy = fit_policy(model, lesson, settings, settings.training.seed, policy_report) if rl else None
            manifest = write_bundle(request, histories, lesson, model, facts, policy)
        drop_checkpoints(folder)
    return TrainingResult(
        path=request.out if manifest else folder,
        manifest=manifest,
        epochs=fitted.epochs,
        run=folder,
        facts=facts,
        parameters=model.parameter_count,
        notes=(*notes, *lesson.notes),
        seconds=time.monotonic() - started,
    )


@dataclass(frozen=True)
class Fitted:
    """A trained model, and how it came about."""

    model: Natron  # at its best epoch, calibrated, on the CPU
    epochs: tuple[EpochReport, ...]  # of the supervised phase
    pretraining: tuple[EpochReport, ...] = ()
    facts: Mapping[str, float | int | str] = field(default_factory=dict)  # for the manifest's ``training``
    main: bool = True  # the one process of several that writes

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
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Fitted:
    """Pretrain where asked for, train and calibrate a model; the test splits are never read.

    Parameters
    ----------
    seed
        Of weights, batches and order, instead of ``settings.training.seed``.
    report
        Called after every epoch.
    out
        Folder of the run (``RunFolder``); None: nothing is kept.
    resume
        Go on where the run in ``out`` was interrupted, if there is one.
    progress
        Called after every step.

    Raises
    ------
    TrainingError
        No such device, or ``out`` holds another run.
    """
    with open_machine(settings.training) as machine, _repeatable(seed, settings.training.threads):
        folder = None
        if out is not None:
            folder = _open_folder(out, run_identity(lesson, settings, seed, machine), resume, machine)
        run = Run(machine, settings.optimization, seed, report, progress, folder)
        model = new_model(settings)
        _set_scaler(model, lesson)
        pretraining, facts = _pretrain(model, lesson, settings, run)
        epochs = fit_supervised(model, lesson.series, settings.training.supervised, run)
        calibrate(model, lesson.series)
        if folder is not None:
            folder.close()
        return Fitted(model.cpu(), epochs, pretraining, facts, machine.main)


def _open_folder(out: Path, identity: Mapping[str, Any], resume: bool, machine: Machine) -> RunFolder:
    """Let one process make the folder; the others find it as it left it."""
    folder = RunFolder(out, identity, resume, machine.main)
    machine.wait()
    return folder


def new_model(settings: Settings) -> Natron:
    """Make a model with the weights that torch's generator gives it now."""
    preset, model = PRESETS[settings.model.preset], settings.model
    clip, names = settings.features.clip, FEATURE_SET.names
    return Natron(FEATURE_SET.size, preset, clip, model.attention, model.dropout, names)


def _pretrain(
    model: Natron, lesson: Lesson, settings: Settings, run: Run
) -> tuple[tuple[EpochReport, ...], dict[str, float | int | str]]:
    """Pretrain ``model`` in place, unless that is not asked for or shown to be of no use."""
    training = settings.training
    if "pretrain" not in training.phases:
        return (), {}
    fresh = copy.deepcopy(model)
    reports = fit_pretraining(model, lesson.series, training.pretrain, training.supervised, run)
    if not training.pretrain.ablation:
        return reports, {"pretrain.kept": 1}
    short = training.supervised.model_copy(update={"epochs": training.pretrain.ablation_epochs})
    losses = {}
    for name, start in (("pretrained", model), ("fresh", fresh)):
        tried = fit_supervised(copy.deepcopy(start), lesson.series, short, run, f"ablation_{name}")
        losses[name] = min(one.validation_log_loss for one in tried)
    kept = losses["pretrained"] < losses["fresh"]
    if not kept:
        model.load_state_dict(fresh.state_dict())
    return reports, {"pretrain.kept": int(kept), **{f"pretrain.{name}": loss for name, loss in losses.items()}}


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
