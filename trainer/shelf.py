"""Features and labels of a lesson: computed, or taken from the cache where the same were computed before."""

import json
from collections.abc import Sequence

import numpy as np

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from shared.contracts import Candles, Rows
from shared.settings.learning import LabelSettings
from trainer.cache import Arrays, LessonCache, entry_key
from trainer.labels.heads import FittedLabels, Labels, LabelSource, fit_labels

_FITTED = "fitted"


class LessonShelf:
    """Where a lesson's arrays come from; without a cache they are computed."""

    def __init__(self, cache: LessonCache | None) -> None:
        self._cache = cache

    def rows(self, candles: Candles) -> Rows:
        """(N, F) feature rows, a function of the candles and the feature set."""
        if self._cache is None:
            return compute_history(candles)
        key = entry_key(b"rows", FEATURE_SET.hash.encode(), candles.tobytes())
        found = self._cache.get(key)
        if found is None:
            found = {"rows": compute_history(candles)}
            self._cache.put(key, found)
        rows: Rows = found["rows"].astype(np.float32, copy=False)
        return rows

    def labels(self, settings: LabelSettings, sources: Sequence[LabelSource]) -> tuple[FittedLabels, list[Labels]]:
        """Fitted thresholds, and the labels of every source; a function of settings, candles, splits and costs."""
        if self._cache is None:
            return _compute(settings, sources)
        key = entry_key(b"labels", settings.model_dump_json().encode(), *map(_content, sources))
        found = self._cache.get(key)
        if found is None:
            fitted, labels = _compute(settings, sources)
            self._cache.put(key, _packed(fitted, labels))
            return fitted, labels
        fitted = FittedLabels.from_document(settings, json.loads(found[_FITTED].tobytes()))
        return fitted, [
            {head: found[f"{index}.{head}"].astype(np.int8, copy=False) for head in settings.horizons}
            for index in range(len(sources))
        ]


def _compute(settings: LabelSettings, sources: Sequence[LabelSource]) -> tuple[FittedLabels, list[Labels]]:
    fitted = fit_labels(settings, sources)
    return fitted, [fitted.compute(source.key, source.candles, source.costs) for source in sources]


def _content(source: LabelSource) -> bytes:
    parts = (source.candles.tobytes(), source.train.tobytes(), source.costs.tobytes())
    return entry_key(source.key.encode(), *parts).encode()


def _packed(fitted: FittedLabels, labels: Sequence[Labels]) -> Arrays:
    document = json.dumps(fitted.document()).encode()
    arrays: Arrays = {f"{index}.{head}": part[head] for index, part in enumerate(labels) for head in part}
    arrays[_FITTED] = np.frombuffer(document, np.uint8)
    return arrays
