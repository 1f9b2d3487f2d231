"""What is done to training batches, and to no others: noise, hidden values, and heavy classes left out of the loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from shared.contracts import Rows
from shared.settings.learning import PerturbationSettings
from trainer.labels.heads import UNLABELLED
from trainer.scaler import Scaler


@dataclass(frozen=True)
class Perturbation:
    """How the training batches of a lesson differ from its rows and labels."""

    settings: PerturbationSettings = field(default_factory=PerturbationSettings)
    scaler: Scaler | None = None  # tells what noise is small, and what a hidden value becomes; None: rows stay
    kept: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)  # head -> (classes,) share learned from

    @classmethod
    def fit(
        cls,
        settings: PerturbationSettings,
        scaler: Callable[[], Scaler],
        learned: Mapping[str, Sequence[NDArray[np.int8]]],
    ) -> Self:
        """Find the classes that are heavier than ``heavy_max`` times the rarest one of their head.

        Parameters
        ----------
        scaler
            Fits it; not called where rows stay as they are.
        learned
            Head -> labels of the training split of each series; unknown ones are ``UNLABELLED``.
        """
        kept = {}
        if settings.heavy_max:
            for head, parts in learned.items():
                labels = np.concatenate(parts)
                counts = np.bincount(labels[labels != UNLABELLED])
                most = settings.heavy_max * counts[counts > 0].min()
                kept[head] = np.minimum(1.0, most / np.maximum(counts, 1))
        touched = settings.noise or settings.feature_dropout or settings.candle_dropout
        return cls(settings, scaler() if touched else None, kept)

    def rows(self, rows: Rows, generator: np.random.Generator) -> Rows:
        """Perturb (T, F) raw rows: noise in interquartile ranges, hidden features and candles at the median."""
        if self.scaler is None:
            return rows
        length, width = rows.shape
        if self.settings.noise:
            noise = generator.standard_normal(rows.shape, np.float32) * np.float32(self.settings.noise)
            rows = rows + noise / self.scaler.scale
        features = generator.random((1, width)) < self.settings.feature_dropout
        candles = generator.random((length, 1)) < self.settings.candle_dropout
        hidden: Rows = np.where(features | candles, self.scaler.centre, rows)
        return hidden

    def labels(self, head: str, labels: NDArray[np.int8], generator: np.random.Generator) -> NDArray[np.int8]:
        """Leave some labels (any shape) of heavy classes out of the loss; none becomes another one."""
        kept = self.kept.get(head)
        if kept is None:
            return labels
        share = np.append(kept, 0.0)[labels]  # UNLABELLED is -1: the last
        return np.where(generator.random(labels.shape) < share, labels, UNLABELLED).astype(np.int8)
