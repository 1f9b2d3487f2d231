"""Temperatures: one number a head that makes its probabilities honest, fitted on the validation split."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from inference_worker.bundle import HEADS
from trainer.chunks import LabelledSeries
from trainer.model import Natron
from trainer.supervised import log_losses, predict

LOWEST, HIGHEST = 0.25, 4.0  # beyond these a head is broken, not miscalibrated
ROUNDS = 40  # of golden-section search: the bracket shrinks to 1e-8 of its width
GOLDEN = (5**0.5 - 1) / 2


def calibrate(model: Natron, series: Sequence[LabelledSeries]) -> dict[str, float]:
    """Fit the temperatures, put them into ``model`` and return them."""
    logits: dict[str, list[NDArray[np.float64]]] = {head: [] for head in HEADS}
    labels: dict[str, list[NDArray[np.int8]]] = {head: [] for head in HEADS}
    for one in series:
        span = one.splits.validation
        for head, found in predict(model, one, span).items():
            logits[head].append(found)
            labels[head].append(one.labels[head][span.start : span.stop])
    fitted = {head: fit_temperature(np.concatenate(logits[head]), np.concatenate(labels[head])) for head in HEADS}
    with torch.no_grad():
        for head, columns in model.columns.items():
            model.temperature[columns] *= fitted[head]
    return {head: float(model.temperature[columns][0]) for head, columns in model.columns.items()}


def fit_temperature(logits: NDArray[np.float64], labels: NDArray[np.int8]) -> float:
    """Find the T > 0 for which ``logits / T`` has the least log-loss, by golden section over log T.

    The log-loss is convex in 1 / T, so it has one valley.
    """
    low, high = np.log(LOWEST), np.log(HIGHEST)

    def loss(at: float) -> float:
        return float(log_losses(logits / np.exp(at), labels).mean())

    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(ROUNDS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))
