"""The lessons of an evaluation: the bundle's split, mirrored walks, and expanding walk-forward folds."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from feature_service.feature_set import FEATURE_SET
from shared.contracts import WINDOW
from shared.settings.groups import Settings
from shared.settings.learning import DataSettings
from trainer.evaluation.walks import mirrored_walk
from trainer.histories import History, Lesson, prepare_lesson
from trainer.markets import market_groups
from trainer.splits import TARGETS_MIN


def test_lesson(histories: Sequence[History], settings: Settings) -> Lesson:
    """The histories split as the bundle's were."""
    return prepare_lesson(histories, settings.data, settings.labels)


def walk_lesson(histories: Sequence[History], settings: Settings, seed: int) -> Lesson:
    """The same with the sign of every return drawn anew; labels fitted on these walks."""
    walks = [replace(one, candles=mirrored_walk(one.candles, seed + index)) for index, one in enumerate(histories)]
    return prepare_lesson(walks, settings.data, settings.labels)


def fold_lessons(histories: Sequence[History], settings: Settings, folds: int) -> list[Lesson]:
    """Expanding folds, oldest first: each learns from everything (purged) before the candles it is tested on.

    Thresholds, scaler and temperatures belong to the fold. The parts that are tested follow each other and are the
    newest ``evaluation.walk_forward_share`` of the candles.
    """
    step = settings.evaluation.walk_forward_share / folds
    lessons = []
    for fold in range(1, folds + 1):
        end = 1 - settings.evaluation.walk_forward_share + fold * step
        learned = 1 - step / end  # of the fold's candles; the rest is tested
        cut = [_before(one, stop) for one, stop in zip(histories, _stops(histories, end), strict=True)]
        held = max(_validation_share(settings.data) * learned, _fewest(settings) / min(len(one.candles) for one in cut))
        data = DataSettings(train_share=max(learned - held, 0.01), validation_share=held)
        lessons.append(prepare_lesson(cut, data, settings.labels))
    return lessons


def _validation_share(data: DataSettings) -> float:
    """Of what is learned from, that which only chooses."""
    return data.validation_share / (data.train_share + data.validation_share)


def _fewest(settings: Settings) -> int:
    """Candles that a validation split must have before it is purged; early folds are short."""
    return WINDOW + FEATURE_SET.lookback + max(settings.labels.horizons.values()) + TARGETS_MIN + 1


def _stops(histories: Sequence[History], share: float) -> list[int]:
    """How many candles of each history come before the end of a fold: one date a market."""
    times = [one.candles["t"] for one in histories]
    stops = [0] * len(histories)
    for group in market_groups([one.series for one in histories], times):
        moments = np.sort(np.concatenate([times[index] for index in group]))
        behind = np.mean([np.searchsorted(times[index], moments) / len(times[index]) for index in group], axis=0)
        date = moments[np.searchsorted(behind, share).clip(max=len(moments) - 1)]
        for index in group:
            whole = share >= 1 or date > times[index][-1]
            stops[index] = len(times[index]) if whole else int(np.searchsorted(times[index], date))
    return stops


def _before(history: History, count: int) -> History:
    spread = None if history.spread is None else history.spread[:count]
    return replace(history, candles=history.candles[:count], spread=spread)
