"""A search for settings: optuna's TPE over validation log-loss; the test splits are never read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from shared.errors import TrainingError
from shared.settings.groups import Settings
from shared.settings.loading import with_values
from trainer.cache import open_cache
from trainer.files import read_specs
from trainer.histories import Lesson, prepare_lesson
from trainer.provenance import flat_settings
from trainer.request import CsvSpec
from trainer.run import fit_model
from trainer.run_folder import EpochReport, check_writable

STUDY_NAME = "study.log"
STARTUP = 8  # trials at random before TPE has something to go by
_LESSON = "lesson"

Space = dict[str, Callable[[optuna.Trial], Any]]
SPACE: Space = {
    "optimization.learning_rate": lambda trial: trial.suggest_float("optimization.learning_rate", 5e-4, 5e-3, log=True),
    "optimization.weight_decay": lambda trial: trial.suggest_float("optimization.weight_decay", 0.01, 0.3, log=True),
    "model.dropout": lambda trial: trial.suggest_float("model.dropout", 0.0, 0.2, step=0.025),
    "training.supervised.label_smoothing": lambda trial: trial.suggest_float(
        "training.supervised.label_smoothing", 0.0, 0.08, step=0.01
    ),
    "training.supervised.ema": lambda trial: trial.suggest_categorical(
        "training.supervised.ema", [0.0, 0.98, 0.99, 0.995, 0.998]
    ),
    "training.supervised.batch_chunks": lambda trial: trial.suggest_categorical(
        "training.supervised.batch_chunks", [2, 4, 8]
    ),
}
"""What is searched, and between which bounds; everything else is as the settings say."""


@dataclass(frozen=True)
class Trial:
    """One set of settings."""

    number: int  # from 0
    loss: float | None  # validation log-loss, nats; None: given up early
    values: dict[str, Any]

    @property
    def outcome(self) -> str:
        """The loss, in words."""
        return "given up" if self.loss is None else f"{self.loss:.4f}"

    @property
    def assignments(self) -> str:
        """The settings as options of the command line."""
        return " ".join(f"--set {key}={value}" for key, value in self.values.items())


def tune_settings(
    csv: Sequence[CsvSpec],
    settings: Settings,
    out: Path,
    trials: int,
    report: Callable[[Trial], None] = lambda _: None,
) -> tuple[Trial, int]:
    """Search until ``trials`` were made in all; the best of them, and how many there are.

    Every trial counts, the given-up ones too: what is chosen among many is better by luck alone, which is what the
    deflated Sharpe ratio takes off. Interrupted, the search goes on when it is called again.

    Raises
    ------
    TrainingError
        ``out`` cannot be written or holds the search of another lesson, or the files cannot be learned from.
    """
    check_writable("out", out)
    histories, _ = read_specs(csv)
    lesson = prepare_lesson(histories, settings.data, settings.labels, open_cache(settings.cache))
    return search(lesson, settings, out, trials, report)


def search(
    lesson: Lesson, settings: Settings, out: Path, trials: int, report: Callable[[Trial], None] = lambda _: None
) -> tuple[Trial, int]:
    """Search on a lesson, as ``tune_settings`` does on files."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    out.mkdir(parents=True, exist_ok=True)
    study = _open(out, lesson, settings)
    done = len(study.get_trials(states=_COUNTED))

    def objective(trial: optuna.Trial) -> float:
        chosen = {key: draw(trial) for key, draw in SPACE.items()}

        def watch(epoch: EpochReport) -> None:
            if epoch.task == "supervised":
                trial.report(epoch.validation_log_loss, epoch.epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

        fitted = fit_model(lesson, with_values(settings, chosen), settings.training.seed, watch)
        return fitted.best.validation_log_loss

    def tell(_: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        report(Trial(trial.number, trial.value if trial.state.name == "COMPLETE" else None, trial.params))

    study.optimize(objective, n_trials=max(0, trials - done), callbacks=[tell])
    best = study.best_trial
    return Trial(best.number, best.value, best.params), len(study.get_trials(states=_COUNTED))


_COUNTED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


def _open(out: Path, lesson: Lesson, settings: Settings) -> optuna.Study:
    seed = settings.training.seed
    study = optuna.create_study(
        study_name="natron",
        storage=JournalStorage(JournalFileBackend(str(out / STUDY_NAME))),
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=2),
        load_if_exists=True,
    )
    fixed = {key: value for key, value in flat_settings(settings).items() if key not in SPACE}
    asked = {"settings": fixed, "series": [[one.key, len(one.rows)] for one in lesson.series]}
    known = study.user_attrs.get(_LESSON)
    if known is None:
        study.set_user_attr(_LESSON, asked)
    elif known != asked:
        rule = "holds the search of another lesson or other settings"
        raise TrainingError("out", str(out), rule, "name a new folder")
    return study
