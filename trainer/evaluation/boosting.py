"""LightGBM, tuned by optuna: the strongest learner on single rows that the model must beat."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import optuna
from numpy.typing import NDArray

from inference_worker.bundle import HEADS
from shared.contracts import Rows
from trainer.evaluation.linear import temperature_of, tempered
from trainer.evaluation.samples import LAGS, Sample

ROUNDS = 1500  # at most; early stopping ends nearly every fit before
PATIENCE = 25  # rounds without a better validation log-loss
PRUNE_AFTER = 15  # rounds before a trial that is behind the median of the others is given up
MAX_BIN = 63  # as good as 255 on these rows, at half the time

Note = Callable[[str], None]


@dataclass(frozen=True)
class Choice:
    """What the trials of one head found."""

    lags: int  # 0, or ``LAGS``
    params: Mapping[str, float]
    log_loss: float  # of the validation sample, nats
    trials: int


class Matrices:
    """A training and a validation sample, binned once for all heads and trials."""

    def __init__(self, train: Sample, validation: Sample, threads: int) -> None:
        self.threads = threads
        self._labels = train.labels, validation.labels  # the rows are held in bins only
        fixed = {"max_bin": MAX_BIN, "feature_pre_filter": False, "verbosity": -1, "num_threads": threads}
        self._train = lgb.Dataset(train.rows, train.labels["buy"], params=fixed, free_raw_data=True).construct()
        self._validation = lgb.Dataset(
            validation.rows, validation.labels["buy"], reference=self._train, params=fixed, free_raw_data=True
        ).construct()

    def fit(
        self, head: str, params: Mapping[str, float], seed: int, callbacks: list[Callable[..., Any]] | None = None
    ) -> tuple[lgb.Booster, float]:
        """Train one head until the validation log-loss rises; the booster and that log-loss."""
        for data, labels in zip((self._train, self._validation), self._labels, strict=True):
            data.set_label(labels[head])
        classes = len(HEADS[head])
        fixed: dict[str, Any] = {
            "objective": "binary" if classes == 2 else "multiclass",
            "metric": "binary_logloss" if classes == 2 else "multi_logloss",
            "num_class": 1 if classes == 2 else classes,
            "max_bin": MAX_BIN,
            "feature_pre_filter": False,
            "bagging_freq": 1,
            "num_threads": self.threads,
            "force_col_wise": True,
            "deterministic": True,
            "seed": seed,
            "verbosity": -1,
        }
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        booster = lgb.train(
            {**fixed, **params},
            self._train,
            ROUNDS,
            valid_sets=[self._validation],
            valid_names=["validation"],
            callbacks=[stop, *(callbacks or [])],
        )
        return booster, float(booster.best_score["validation"][fixed["metric"]])


@dataclass(frozen=True)
class Boosted:
    """A fitted booster of one head, its probabilities softened by a temperature of the validation split."""

    booster: lgb.Booster
    lags: int
    temperature: float
    threads: int

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """(N, classes) probabilities of (N, F) rows, lags included."""
        return tempered(_probabilities(self.booster, rows, self.threads), self.temperature)


def tune(head: str, matrices: Mapping[int, Matrices], trials: int, seed: int, note: Note) -> Choice:
    """Search ``trials`` settings of one head, on the last row alone and with lags alike; the best of all."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=PRUNE_AFTER)
    study = optuna.create_study(direction="minimize", sampler=sampler, pruner=pruner)
    for lags in matrices:  # a sensible start of each, so that 20 trials are enough
        study.enqueue_trial({"lags": lags, "num_leaves": 31, "learning_rate": 0.08, "min_data_in_leaf": 100})

    def objective(trial: optuna.Trial) -> float:
        lags = trial.suggest_categorical("lags", sorted(matrices))
        return matrices[lags].fit(head, _suggested(trial), seed, [_pruning(trial)])[1]

    study.optimize(objective, n_trials=trials)
    best = study.best_trial
    params = {name: value for name, value in best.params.items() if name != "lags"}
    assert best.value is not None
    note(f"{head}: lightgbm with {best.params['lags']} lags, validation log-loss {best.value:.4f}")
    return Choice(best.params["lags"], params, best.value, trials)


def fit_boosted(head: str, choice: Choice, matrices: Matrices, validation: Sample, seed: int) -> Boosted:
    """Fit one head with the settings that were chosen, and its temperature on the validation sample."""
    booster, _ = matrices.fit(head, choice.params, seed)
    found = _probabilities(booster, validation.rows, matrices.threads)
    return Boosted(booster, choice.lags, temperature_of(found, validation.labels[head]), matrices.threads)


def lag_choices() -> tuple[int, ...]:
    """What the trials choose between."""
    return (0, LAGS)


def _suggested(trial: optuna.Trial) -> dict[str, float]:
    return {
        "num_leaves": trial.suggest_int("num_leaves", 7, 127, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.05, 0.2, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 20, 1000, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.1, 0.6),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
    }


def _pruning(trial: optuna.Trial) -> Callable[..., None]:
    def after_round(env: Any) -> None:
        trial.report(env.evaluation_result_list[0][2], env.iteration)
        if trial.should_prune():
            raise optuna.TrialPruned

    return after_round


def _probabilities(booster: lgb.Booster, rows: Rows, threads: int) -> NDArray[np.float64]:
    found = np.asarray(booster.predict(rows, num_threads=threads))
    return found if found.ndim == 2 else np.stack([1 - found, found], 1)
