"""The newest rows of one series, as counts of bins that are kept up to date row by row."""

import numpy as np

from archive.drift.distances import BINS, ROWS, Distances, Floats
from shared.contracts import Rows


class RowWindow:
    """Bins of the newest ``ROWS`` rows of a series."""

    def __init__(self, distances: Distances) -> None:
        self._distances = distances
        self._bins = np.zeros((ROWS, distances.features), np.uint8)
        self._counts = np.zeros((distances.features, BINS + 1), np.int64)
        self._columns = np.arange(distances.features)
        self.rows = 0  # ever taken
        self.n = 0  # number of the newest one's candle

    @property
    def full(self) -> bool:
        """Whether there are enough rows to compare."""
        return self.rows >= ROWS

    def __len__(self) -> int:
        return min(self.rows, ROWS)

    def add(self, row: Rows, n: int) -> None:
        """Take the next row (F,) and let the oldest go."""
        bins = self._distances.bins(row[None])[0]
        place = self.rows % ROWS
        if self.full:
            self._counts[self._columns, self._bins[place]] -= 1
        self._bins[place] = bins
        self._counts[self._columns, bins] += 1
        self.rows += 1
        self.n = n

    def ks(self) -> Floats:
        """(F,) distances."""
        return self._distances.ks(self._counts)

    def psi(self) -> Floats:
        """(F,) stability indices."""
        return self._distances.psi(self._counts)

    def strengths(self) -> dict[str, float]:
        """Family -> mean distance of its features over its limit: above 1 it has drifted."""
        return self._distances.strengths(self._counts)
