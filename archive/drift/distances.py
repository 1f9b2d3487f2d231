"""How far rows are from the training rows, feature by feature and family by family."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from feature_service.catalogue import CATALOGUE
from inference_worker.records import HistogramsRecord
from shared.contracts import Rows

ROWS = 500
"""Newest rows of a series that are compared: fewer say little of features that change slowly."""
BINS = 10
UNTOLD = 10
"""The bin of values that tell nothing: those of volume in a series that has none."""
TOLD_MIN = ROWS // 4  # rows with a value that tells something; fewer are not compared
VOLUME = "volume"
NO_VOLUME = {"volume_to_median_20": 0.5, "mfi_14": 50.0}
"""Values of the volume family where there is no volume; those of its other features are 0."""
SHARE_MIN = 1e-4  # of a bin in the PSI: an empty one would make it infinite

LIMITS: Mapping[str, float] = {
    "moving_average": 0.38,
    "momentum": 0.31,
    "volatility": 0.32,
    "volume": 0.38,
    "price_pattern": 0.15,
    "returns": 0.34,
    "trend_strength": 0.30,
    "statistical": 0.44,
    "support_resistance": 0.45,
    "smart_money": 0.24,
    "market_profile": 0.32,
}
"""Family -> mean Kolmogorov-Smirnov distance of its features above which its rows have drifted.

500 candles in a row are never spread as years of six markets are: a slow feature stays where it is for weeks. So the
limits are 1.2 times the largest distance seen in any 500 rows of the training splits (docs/drift.md has the command).
"""

Floats = NDArray[np.float64]
Bins = NDArray[np.uint8]


class Distances:
    """A bundle's training histograms, and distances from them."""

    def __init__(self, histograms: HistogramsRecord) -> None:
        self._edges = histograms.edges.array  # (F, 9)
        self._shares = histograms.shares.array.astype(np.float64)  # (F, 10)
        self._cumulative = self._shares.cumsum(1)
        self.names = tuple(feature.name for feature in CATALOGUE)
        self.families = tuple(feature.family for feature in CATALOGUE)
        self._volume = np.flatnonzero([family == VOLUME for family in self.families])
        self._no_volume = np.array([NO_VOLUME.get(self.names[at], 0.0) for at in self._volume], np.float32)
        self._order = tuple(dict.fromkeys(self.families))
        self._member = np.array([[family == one for family in self.families] for one in self._order])  # (families, F)

    @property
    def features(self) -> int:
        """How many."""
        return len(self._edges)

    def bins(self, rows: Rows) -> Bins:
        """(N, F) bin of each value: k where edges[k - 1] <= x < edges[k], ``UNTOLD`` where it tells nothing."""
        found = np.zeros(rows.shape, np.uint8)
        for edge in self._edges.T:
            found += rows >= edge
        silent = (rows[:, self._volume] == self._no_volume).all(1)
        found[np.ix_(silent, self._volume)] = UNTOLD
        return found

    def told(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(F,) which features have enough values, by their counts (F, 11)."""
        enough: NDArray[np.bool_] = counts[:, :BINS].sum(1) >= TOLD_MIN
        return enough

    def ks(self, counts: NDArray[np.int64]) -> Floats:
        """(F,) largest distance of the distribution functions at the edges, 0..1, of counts (F, 11)."""
        found: Floats = np.abs(_shares(counts).cumsum(1) - self._cumulative).max(1)
        return np.where(self.told(counts), found, 0.0)

    def psi(self, counts: NDArray[np.int64]) -> Floats:
        """(F,) population stability index, 0 and up; 0.25 is usually called a shift."""
        found, usual = _shares(counts).clip(SHARE_MIN), self._shares.clip(SHARE_MIN)
        distances: Floats = ((found - usual) * np.log(found / usual)).sum(1)
        return np.where(self.told(counts), distances, 0.0)

    def strength(self, feature: int, ks: Floats) -> float:
        """One feature's distance over the limit of its family."""
        return float(ks[feature]) / LIMITS[self.families[feature]]

    def strengths(self, counts: NDArray[np.int64]) -> dict[str, float]:
        """Family -> mean distance of its features over its limit, 0 and up: above 1 it has drifted."""
        ks, use = self.ks(counts), self._member & self.told(counts)
        sums, sizes = use @ ks, use.sum(1)
        means = (sums / np.maximum(sizes, 1)).tolist()
        return {family: mean / LIMITS[family] for family, mean in zip(self._order, means, strict=True)}


def _shares(counts: NDArray[np.int64]) -> Floats:
    """(F, 10) shares of the values that tell something."""
    told = counts[:, :BINS]
    shares: Floats = told / np.maximum(told.sum(1, keepdims=True), 1)
    return shares
