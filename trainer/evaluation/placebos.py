"""Tests of the whole way from candles to figures: where nothing can be known nothing must be found, and the reverse.

Candles become rows, labels, splits and figures by the very code that real markets go through; the learners are the
baselines' (quick enough for twenty walks) and, where a model must show what it can, the transformer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inference_worker.bundle import HEADS, Bundle
from shared.contracts import Candles, Series
from shared.settings.groups import Settings
from shared.settings.learning import DataSettings, LabelSettings, SupervisedSettings
from trainer.chunks import LabelledSeries
from trainer.evaluation.answers import Served, refit_answer
from trainer.evaluation.boosting import Choice, Matrices, fit_boosted
from trainer.evaluation.figures import Floats, area_under_roc
from trainer.evaluation.linear import fit_linear
from trainer.evaluation.predictions import Labels, Probabilities
from trainer.evaluation.samples import draw
from trainer.evaluation.walks import gaussian_walk, mirrored_walk, planted_walk
from trainer.histories import History, Lesson, prepare_lesson
from trainer.labels.heads import STATE_HEADS, UNLABELLED
from trainer.run import fit_model
from trainer.splits import Span

Note = Callable[[str], None]
WALKS = 20
WALK_CANDLES = 20_000
TOLERANCE = 0.01  # of an AUC, around 0.5
FOUND_MIN = 0.60  # AUC of the planted direction, of 0.7 or more that the signal allows
STATE_MIN = 0.95  # accuracy of labels that the present decides
STRENGTH = 0.6  # of the planted signal
MODEL_EPOCHS = 12  # enough for the smallest model to find a planted signal
STATE_SEEN = 1_400_000  # candles, over all epochs, that it needs to learn what its rows say outright
STATE_CANDLES = 130_000  # different ones among them: fewer are learned by heart
_EXACT_RATE = 0.012  # learning rate where labels hold no noise: the larger, the nearer to the cut-offs
_HALVES = DataSettings(train_share=0.3, validation_share=0.2)  # half of each walk is tested: less noise in the figure
_TREES = Choice(0, {"num_leaves": 15, "learning_rate": 0.05, "min_data_in_leaf": 100, "feature_fraction": 0.5}, 0.0, 0)
_ALL_ROWS = 1_000_000


@dataclass(frozen=True)
class Placebo:
    """One figure and the bounds it must be within."""

    name: str
    figure: str
    value: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        """Whether the figure is within its bounds."""
        return self.low <= self.value <= self.high

    def document(self) -> dict[str, object]:
        """JSON-able."""
        return {**vars(self), "passed": self.passed}


def history_of(candles: Candles, symbol: str = "WALK", timeframe: str = "M15") -> History:
    """A history that no file holds."""
    return History(Series(symbol, timeframe), candles, "UTC", "0" * 64)


def gaussian_walks(count: int, candles: int, threads: int, note: Note) -> list[Placebo]:
    """Walks of one volatility: no head may know its future better than by chance."""
    heads = ("direction", "long_win", "short_win", "high_volatility")
    found = []
    for seed in range(count):
        note(f"gaussian walk {seed + 1} of {count}")
        lesson = prepare_lesson([history_of(gaussian_walk(candles, seed))], _HALVES, LabelSettings())
        found.append(_learn(lesson, heads, threads))
    return _chances("gaussian walks", found)


def mirrored_walks(histories: Sequence[History], count: int, candles: int, threads: int, note: Note) -> list[Placebo]:
    """Real volatility, coin-flipped signs: no head may know a sign.

    Volatility alone tells whether a move exceeds a cost or a neutral band, and it is not chance here. So costs are 0,
    and of direction only the side is asked: up against down where it is one of them.
    """
    found = []
    labels = LabelSettings(cost_bps=0.0)
    for seed in range(count):
        note(f"mirrored walk {seed + 1} of {count}")
        real = histories[seed % len(histories)]
        walk = mirrored_walk(real.candles[-candles:], seed)
        lesson = prepare_lesson([replace(real, candles=walk, spread=None)], _HALVES, labels)
        found.append(_learn(lesson, ("direction", "long_win", "short_win"), threads, sides=True))
    return _chances("mirrored walks", found)


def planted_signal(candles: int, threads: int, settings: Settings | None = None) -> list[Placebo]:
    """A direction that repeats the last one must be found: by every baseline and, with settings, by the model."""
    lesson = prepare_lesson([history_of(planted_walk(candles, 1, STRENGTH))], _HALVES, LabelSettings())
    found = _learn(lesson, ("direction",), threads, sides=True)
    if settings is not None:
        (one,) = lesson.series
        fitted = fit_model(lesson, settings, 0)
        answer = refit_answer(fitted, one, one.splits.test)["direction"]
        found["model", "direction"] = _area(_truth(one, "direction"), answer.astype(np.float64), sides=True)
    return [Placebo("planted signal", f"{who}: AUC of up", value, FOUND_MIN, 1.0) for (who, _), value in found.items()]


def perturbed_future(history: History, settings: Settings, bundle: Bundle | None = None) -> list[Placebo]:
    """Candles after the split are replaced: rows, thresholds and answers before must not differ in a single bit."""
    whole = prepare_lesson([history], settings.data, settings.labels)
    (one,) = whole.series
    at = one.splits.test.start
    changed = history.candles.copy()
    for name in "ohlc":
        changed[name][at:] *= 1.5
    changed["v"][at:] *= 3.0
    (other,) = prepare_lesson([replace(history, candles=changed)], settings.data, settings.labels).series
    learned = slice(0, one.splits.validation.stop)  # purged: the labels up to here look at nothing that was changed
    counts = {
        "rows": int((one.rows[:at] != other.rows[:at]).sum()),
        "labels": sum(int((one.labels[head][learned] != other.labels[head][learned]).sum()) for head in HEADS),
    }
    if bundle is not None:
        served = Served(bundle, settings.training.threads)
        before = Span(at - 500, at)
        first, second = served.answer(one.rows, before), served.answer(other.rows, before)
        counts["answers"] = sum(int((first[head] != second[head]).sum()) for head in first)
    return [Placebo("perturbed future", f"{name} that differ", float(count), 0, 0) for name, count in counts.items()]


def states(histories: Sequence[History], settings: Settings, seen: int = STATE_SEEN) -> list[Placebo]:
    """The present's own state must be learned, by the smallest model: one that cannot has a broken pipe.

    A walk has states as a market has: mirrored walks of a short history teach beside it, and are not asked.
    """
    taught = _with_walks(histories, min(STATE_CANDLES, seen // 4))
    epochs = max(4, round(seen / sum(len(one.candles) for one in taught)))
    lesson = prepare_lesson(taught, settings.data, settings.labels.model_copy(update={"family": "state"}))
    series = tuple(_of_present_alone(one) for one in lesson.series)
    fitted = fit_model(replace(lesson, series=series), _exact(tiny_settings(settings, epochs), epochs), 0)
    asked = series[: len(histories)]
    answers = [refit_answer(fitted, one, one.splits.test) for one in asked]
    found = []
    for head in STATE_HEADS:
        labels = np.concatenate([_truth(one, head) for one in asked])
        answer = np.concatenate([spoken[head] for spoken in answers])
        found.append(Placebo("state labels", f"{head}: accuracy", _accuracy(labels, answer), STATE_MIN, 1.0))
    return found


def _with_walks(histories: Sequence[History], candles: int) -> list[History]:
    """The histories, and mirrored walks of them until there are so many candles."""
    found = list(histories)
    while sum(len(one.candles) for one in found) < candles:
        seed = len(found)
        real = histories[seed % len(histories)]
        walk = Series(f"WALK{seed}", real.series.timeframe)
        found.append(replace(real, series=walk, candles=mirrored_walk(real.candles, seed)))
    return found


def _of_present_alone(series: LabelledSeries) -> LabelledSeries:
    """The series, and its mirror, with one class for the heads that ask for the future: they cost a model nothing."""
    trivial = {head: np.zeros(len(series.rows), np.int8) for head in HEADS if head not in STATE_HEADS}
    mirror = None if series.mirror is None else replace(series.mirror, labels=series.mirror.labels | trivial)
    return replace(series, labels=series.labels | trivial, mirror=mirror)


def tiny_settings(settings: Settings, epochs: int) -> Settings:
    """The smallest model, supervised alone, for placebos that train one."""
    supervised = SupervisedSettings(epochs=epochs, patience=epochs, batch_chunks=2, ema=0.98)
    training = settings.training.model_copy(update={"supervised": supervised, "phases": "supervised"})
    return settings.model_copy(
        update={"model": settings.model.model_copy(update={"preset": "tiny"}), "training": training}
    )


def _exact(settings: Settings, epochs: int) -> Settings:
    """Without what keeps a model from learning noise: these labels hold none."""
    supervised = {"label_smoothing": 0.0, "batch_chunks": 1, "ema": 0.99}
    optimization = {"learning_rate": _EXACT_RATE, "weight_decay": 0.0, "decay_epochs": epochs}
    training = settings.training
    taught = training.model_copy(update={"supervised": training.supervised.model_copy(update=supervised)})
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update={"dropout": 0.0}),
            "training": taught,
            "optimization": settings.optimization.model_copy(update=optimization),
        }
    )


def _learn(lesson: Lesson, heads: Sequence[str], threads: int, sides: bool = False) -> dict[tuple[str, str], float]:
    """(learner, head) -> AUC on the test split of a lesson of one series."""
    (one,) = lesson.series
    train, validation = (
        draw(lesson.series, "train", 0, _ALL_ROWS, 0),
        draw(lesson.series, "validation", 0, _ALL_ROWS, 0),
    )
    matrices = Matrices(train, validation, threads)
    rows = one.rows[one.splits.test.start : one.splits.test.stop]
    found = {}
    for head in heads:
        answers = {
            "logistic": fit_linear(head, train, validation, 0.01, 0).predict(rows),
            "lightgbm": fit_boosted(head, _TREES, matrices, validation, 0).predict(rows),
        }
        for who, answer in answers.items():
            found[who, head] = _area(_truth(one, head), answer, sides)
    return found


def _chances(name: str, found: Sequence[dict[tuple[str, str], float]]) -> list[Placebo]:
    """Means over the walks, which must be those of chance."""
    return [
        Placebo(
            name,
            f"{who}: AUC of {head}",
            float(np.mean([one[who, head] for one in found])),
            0.5 - TOLERANCE,
            0.5 + TOLERANCE,
        )
        for who, head in found[0]
    ]


def _truth(series: LabelledSeries, head: str) -> Labels:
    span = series.splits.test
    return series.labels[head][span.start : span.stop]


def _area(labels: Labels, answer: Floats, sides: bool) -> float:
    """AUC of known labels; with ``sides`` that of up against down where it was one of them."""
    known = labels != UNLABELLED
    if not sides or answer.shape[1] == 2:
        return area_under_roc(labels[known], answer[known])
    sided = labels[known] < 2
    down, up = answer[known][sided, 0], answer[known][sided, 1]
    share = up / (up + down)
    return area_under_roc(labels[known][sided], np.stack([1 - share, share], 1))


def _accuracy(labels: Labels, answer: Probabilities) -> float:
    known = labels != UNLABELLED
    return float((answer.argmax(1)[known] == labels[known]).mean())
