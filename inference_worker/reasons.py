"""Reasons that a bundle gives its predictions: OUTLIER and LOW_CONFIDENCE."""

import numpy as np

from inference_worker.bundle import Manifest
from inference_worker.session import Heads
from shared.contracts import Reason, Rows

_CORE_BINARY, _CORE_CLASSES = ("buy", "sell"), ("direction", "regime")


class Abstention:
    """The two rules, over many candles at once.

    Parameters
    ----------
    confidence_min
        Of the settings; the manifest's own counts where it is higher. 0 asks for none.
    """

    def __init__(self, manifest: Manifest, confidence_min: float) -> None:
        self._confidence_min = max(confidence_min, manifest.confidence_min)
        bounds = manifest.bounds
        self._extremes = bounds.extremes if bounds else 0
        self._low = np.array(bounds.low, np.float32) if bounds else None  # (F,)
        self._high = np.array(bounds.high, np.float32) if bounds else None

    def reasons(self, rows: Rows, heads: Heads) -> list[int]:
        """Bits for each of T candles: their rows (T, F), and what the heads said of them."""
        found = np.zeros(len(rows), np.int64)
        if self._low is not None and self._high is not None:
            outside = ((rows < self._low) | (rows > self._high)).sum(1)
            found |= np.where(outside > self._extremes, int(Reason.OUTLIER), 0)
        if self._confidence_min > 0:
            sure = [np.maximum(heads[head], 1 - heads[head]) for head in _CORE_BINARY]
            sure += [heads[head].max(1) for head in _CORE_CLASSES]
            confidence = np.mean(sure, 0, np.float64)  # as shared.prediction_document.confidence
            found |= np.where(confidence < self._confidence_min, int(Reason.LOW_CONFIDENCE), 0)
        bits: list[int] = found.tolist()
        return bits
