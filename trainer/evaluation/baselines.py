"""Every baseline of a lesson, on the very candles that the model answers; tuned once, fitted once a seed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from shared.settings.learning import EvaluationSettings
from trainer.chunks import LabelledSeries
from trainer.evaluation import boosting, linear, naive, samples
from trainer.evaluation.boosting import Choice, Matrices, fit_boosted, lag_choices, tune
from trainer.evaluation.linear import choose_strength, fit_linear
from trainer.evaluation.parts import Arrays, Parts, digest_of, part_key
from trainer.evaluation.predictions import LIGHTGBM, LOGISTIC, MAJORITY, PERSISTENCE, Probabilities
from trainer.evaluation.samples import Sample, draw, lagged
from trainer.histories import Lesson

Note = Callable[[str], None]
_SOURCES = tuple(Path(str(module.__file__)) for module in (boosting, linear, samples))
_VALIDATION_SHARE = 0.5  # validation candles a training candle drawn: early stopping needs fewer


@dataclass(frozen=True)
class Chosen:
    """What the validation splits chose for one head."""

    boosting: Choice
    per_series: bool  # a booster for each series was better than one for all
    strength: float  # of the logistic regression


class Baselines:
    """The baselines of one lesson; everything costly is kept in ``parts``.

    Parameters
    ----------
    heads
        The heads to answer -> candles until their labels are known.
    chosen
        Head -> settings, where they were tuned before: on walks and in later folds. None: they are tuned here.
    """

    def __init__(
        self,
        lesson: Lesson,
        heads: Mapping[str, int],
        settings: EvaluationSettings,
        threads: int,
        parts: Parts,
        note: Note,
        chosen: Mapping[str, Chosen] | None = None,
    ) -> None:
        self._lesson, self._heads, self._settings = lesson, heads, settings
        self._threads, self._parts, self._note = threads, parts, note
        self._given = chosen
        self._matrices: dict[tuple[str, int, str], tuple[Matrices, Sample]] = {}

    @cached_property
    def chosen(self) -> Mapping[str, Chosen]:
        """Head -> what the validation splits chose."""
        return self._given or {head: self._choose(head) for head in self._heads}

    def answers(self, head: str, seed: int) -> dict[str, dict[str, Probabilities]]:
        """Series key -> estimator -> (test candles, classes)."""
        learned = self._learned(head, seed)
        return {
            one.key: {
                MAJORITY: naive.majority(one, head, one.splits.test),
                PERSISTENCE: naive.persistence(one, head, self._heads[head], one.splits.test),
                LOGISTIC: learned[f"{LOGISTIC}/{one.key}"].astype(np.float32),
                LIGHTGBM: learned[f"{LIGHTGBM}/{one.key}"].astype(np.float32),
            }
            for one in self._lesson.series
        }

    @cached_property
    def _digest(self) -> str:
        return digest_of(self._lesson)

    def _learned(self, head: str, seed: int) -> Arrays:
        chosen = self.chosen[head]
        facts = {"lesson": self._digest, "head": head, "seed": seed, "chosen": asdict(chosen), **self._rows}
        return self._parts.get(part_key("baseline", facts, _SOURCES), lambda: self._fit(head, seed, chosen))

    @property
    def _rows(self) -> dict[str, int]:
        return {"tuning_rows": self._settings.tuning_rows, "fit_rows": self._settings.baseline_rows}

    def _fit(self, head: str, seed: int, chosen: Chosen) -> Arrays:
        series = self._lesson.series
        self._note(f"{head}: baselines, seed {seed}")
        train, validation = self._samples(0, "", self._settings.baseline_rows)
        regression = fit_linear(
            head, _thinned(train, self._settings.tuning_rows, seed), validation, chosen.strength, seed
        )
        found: Arrays = {
            f"{LOGISTIC}/{one.key}": regression.predict(one.rows[one.splits.test.start : one.splits.test.stop])
            for one in series
        }
        for one in series:
            matrices, held_out = self._binned("fit", chosen.boosting.lags, one.key if chosen.per_series else "")
            if chosen.per_series or one is series[0]:
                booster = fit_boosted(head, chosen.boosting, matrices, held_out, seed)
            at = np.arange(one.splits.test.start, one.splits.test.stop)
            found[f"{LIGHTGBM}/{one.key}"] = booster.predict(lagged(one.rows, at, booster.lags))
        return found

    def _choose(self, head: str) -> Chosen:
        own = self._settings
        facts = {"lesson": self._digest, "head": head, "trials": own.trials, "tuning_rows": own.tuning_rows}
        key = part_key("chosen", facts, _SOURCES)
        kept = json.loads(str(self._parts.get(key, lambda: {"json": np.array(self._search(head))})["json"]))
        return Chosen(Choice(**kept["boosting"]), kept["per_series"], kept["strength"])

    def _search(self, head: str) -> str:
        tables = {lags: self._binned("tune", lags, "")[0] for lags in lag_choices()}
        choice = tune(head, tables, self._settings.trials, 0, self._note)
        train, validation = self._samples(0, "", self._settings.tuning_rows)
        chosen = Chosen(choice, self._alone_is_better(head, choice), choose_strength(head, train, validation))
        return json.dumps(asdict(chosen))

    def _alone_is_better(self, head: str, choice: Choice) -> bool:
        """Whether a booster a series has the lower validation log-loss; each sees the same number of rows in all."""
        if len(self._lesson.series) == 1:
            return False
        total, count = 0.0, 0
        for one in self._lesson.series:
            matrices, held_out = self._binned("tune", choice.lags, one.key)
            rows = len(held_out.rows)
            total += matrices.fit(head, choice.params, 0)[1] * rows
            count += rows
        return total / count < choice.log_loss

    def _binned(self, purpose: str, lags: int, only: str) -> tuple[Matrices, Sample]:
        """Binned samples of all series, or of one; the newest few are kept, as heads come one after the other."""
        key = purpose, lags, only
        if key not in self._matrices:
            if only == "" and purpose == "fit":  # the tuning is over: its tables only take memory
                self._matrices = {kept: found for kept, found in self._matrices.items() if kept[0] == "fit"}
            rows = self._settings.tuning_rows if purpose == "tune" else self._settings.baseline_rows
            train, validation = self._samples(lags, only, rows)
            self._matrices[key] = Matrices(train, validation, self._threads), validation
        return self._matrices[key]

    def _samples(self, lags: int, only: str, rows: int) -> tuple[Sample, Sample]:
        series: tuple[LabelledSeries, ...] = tuple(one for one in self._lesson.series if only in {"", one.key})
        shared = rows * len(series) // len(self._lesson.series)
        return (
            draw(series, "train", lags, shared, 0),
            draw(series, "validation", lags, max(1, round(shared * _VALIDATION_SHARE)), 0),
        )


def _thinned(sample: Sample, count: int, seed: int) -> Sample:
    """At most ``count`` of the examples, another draw a seed."""
    if len(sample.rows) <= count:
        return sample
    kept = np.sort(np.random.default_rng(seed).choice(len(sample.rows), count, replace=False))
    return Sample(sample.rows[kept], {head: labels[kept] for head, labels in sample.labels.items()})
