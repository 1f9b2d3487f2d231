"""Collecting the tidy table: the model and every baseline on the test split, on walks, and in walk-forward folds."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import trainer
from inference_worker.bundle import HEADS, Bundle
from shared.settings.groups import Settings
from trainer.evaluation.answers import TAUGHT, Served, Spoken, refit, refit_answer
from trainer.evaluation.baselines import Baselines, Chosen
from trainer.evaluation.lessons import fold_lessons, test_lesson, walk_lesson
from trainer.evaluation.parts import Arrays, Parts, digest_of, part_key
from trainer.evaluation.predictions import MODEL, Answers
from trainer.evaluation.tables import TEST, WALK
from trainer.histories import History, Lesson
from trainer.run_folder import EpochReport

Note = Callable[[str], None]
Curves = dict[str, list[EpochReport]]  # which fit -> its epochs
WALK_SEED = 20_241  # of the mirrored walks


@dataclass(frozen=True)
class Refitted:
    """What one refit said at the test candles of a lesson, and how it was trained."""

    spoken: dict[str, Spoken]  # series key -> head -> probabilities
    epochs: list[EpochReport]


class Collection:
    """Answers of the model and the baselines, part by part; what is costly is kept on disk.

    Parameters
    ----------
    settings
        Those the bundle was made with, and the evaluation's own.
    """

    def __init__(
        self, bundle: Bundle, histories: Sequence[History], settings: Settings, parts: Parts, note: Note
    ) -> None:
        self._bundle, self._histories, self._settings = bundle, histories, settings
        self._parts, self._note = parts, note
        self._heads = [head for head in HEADS if head in bundle.manifest.heads]
        self._series = {one.series.key: one.series for one in histories}
        self.lesson = test_lesson(histories, settings)
        self.curves: Curves = {}
        self._baselines = self._baselines_of(self.lesson, None)

    def test(self, seeds: int) -> list[Answers]:
        """The test split, read once: the bundle's graph, or ``seeds`` fits; a graph of these files is their first."""
        own = seeds == 1 or self._is_of_these_files()
        spoken = [
            self._served(self.lesson) if own else self._refit(0),
            *(self._refit(seed) for seed in range(1, seeds)),
        ]
        rows = max(seeds, self._settings.evaluation.baseline_seeds)
        return [
            answer
            for seed in range(rows)
            for answer in self._answers(self.lesson, self._baselines, TEST, seed, spoken[seed % len(spoken)])
        ]

    def walks(self) -> list[Answers]:
        """Mirrored walks: the bundle's graph, and baselines fitted anew with the settings chosen on the market."""
        self._note("mirrored walks")
        lesson = walk_lesson(self._histories, self._settings, WALK_SEED)
        baselines = self._baselines_of(lesson, self._baselines.chosen)
        return self._answers(lesson, baselines, WALK, 0, self._served(lesson))

    def walk_forward(self, folds: int) -> list[Answers]:
        """Refit the model and the baselines in each fold; baselines are tuned on the first fold's past alone."""
        found: list[Answers] = []
        chosen: Mapping[str, Chosen] | None = None
        for fold, lesson in enumerate(fold_lessons(self._histories, self._settings, folds), start=1):
            self._note(f"walk-forward fold {fold} of {folds}")
            baselines = self._baselines_of(lesson, chosen)
            chosen = baselines.chosen
            spoken = self._fitted(lesson, self._settings.training.seed, f"fold {fold}").spoken
            found += self._answers(lesson, baselines, fold, 0, spoken)
        return found

    def _baselines_of(self, lesson: Lesson, chosen: Mapping[str, Chosen] | None) -> Baselines:
        settings = self._settings
        return Baselines(
            lesson,
            {head: settings.labels.horizons[head] for head in self._heads},
            settings.evaluation,
            settings.training.threads,
            self._parts,
            self._note,
            chosen,
        )

    def _answers(
        self, lesson: Lesson, baselines: Baselines, fold: int, seed: int, spoken: Mapping[str, Spoken]
    ) -> list[Answers]:
        found = []
        for head in self._heads:
            beside = baselines.answers(head, seed)
            for one in lesson.series:
                span = one.splits.test
                found.append(
                    Answers(
                        series=self._series[one.key],
                        head=head,
                        fold=fold,
                        seed=seed,
                        t=one.candles["t"][span.start : span.stop],
                        labels=one.labels[head][span.start : span.stop],
                        probabilities={MODEL: spoken[one.key][head], **beside[one.key]},
                    )
                )
        return found

    def _served(self, lesson: Lesson) -> dict[str, Spoken]:
        facts = {"graph": self._bundle.manifest.files, "lesson": digest_of(lesson)}

        def compute() -> Arrays:
            self._note("the bundle's graph answers")
            served = Served(self._bundle, self._settings.training.threads)
            return _flat({one.key: served.answer(one.rows, one.splits.test) for one in lesson.series})

        return _deep(self._parts.get(part_key("served", facts, ()), compute))

    def _is_of_these_files(self) -> bool:
        given = [one.record for one in self._histories]
        known = self._bundle.manifest.data
        return sorted(one.sha256 for one in known) == sorted(one.sha256 for one in given)

    def _refit(self, seed: int) -> dict[str, Spoken]:
        return self._fitted(self.lesson, self._settings.training.seed + seed, f"seed {seed}").spoken

    def _fitted(self, lesson: Lesson, seed: int, name: str) -> Refitted:
        taught = {group: getattr(self._settings, group).model_dump() for group in TAUGHT}
        key = part_key("refit", {"lesson": digest_of(lesson), "settings": taught, "seed": seed}, _training_sources())

        def compute() -> Arrays:
            run = self._parts.folder / f"run-{key}"
            fitted = refit(lesson, self._settings, seed, lambda done: self._note(f"{name}: {_epoch(done)}"), run)
            spoken = {one.key: refit_answer(fitted, one, one.splits.test) for one in lesson.series}
            epochs = json.dumps([asdict(done) for done in fitted.epochs])
            return {**_flat(spoken), "epochs": np.array(epochs)}

        found = self._parts.get(key, compute)
        epochs = [EpochReport(**one) for one in json.loads(str(found.pop("epochs")))]
        self.curves[name] = epochs
        return Refitted(_deep(found), epochs)


def _training_sources() -> tuple[Path, ...]:
    """The files that a refit is a function of: the trainer's own, not those of the evaluation."""
    folder = Path(str(trainer.__file__)).parent
    return tuple(sorted(folder.glob("*.py")))


def _flat(spoken: Mapping[str, Spoken]) -> Arrays:
    return {f"{key}/{head}": found for key, heads in spoken.items() for head, found in heads.items()}


def _deep(found: Arrays) -> dict[str, Spoken]:
    spoken: dict[str, Spoken] = {}
    for name, values in found.items():
        key, _, head = name.rpartition("/")
        spoken.setdefault(key, {})[head] = values.astype(np.float32)
    return spoken


def _epoch(done: EpochReport) -> str:
    return f"epoch {done.epoch}/{done.epochs}, validation log-loss {done.validation_log_loss:.4f}"
