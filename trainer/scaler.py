"""The robust scaler: median and interquartile range of each feature over the training candles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from shared.contracts import Rows

SPREAD_MIN = 1e-6  # a feature that varies less over its middle half is scaled by its standard deviation


@dataclass(frozen=True)
class Scaler:
    """``(x - centre) * scale`` brings the middle half of each feature to a width of 1."""

    centre: NDArray[np.float32]  # (F,)
    scale: NDArray[np.float32]  # (F,)

    @classmethod
    def fit(cls, parts: Sequence[Rows]) -> Self:
        """Fit on the training rows of all series, (N_i, F) each."""
        width = parts[0].shape[1]
        centre, scale = np.zeros(width, np.float32), np.ones(width, np.float32)
        for feature in range(width):  # one column at a time: the matrix is never copied
            column = np.concatenate([part[:, feature] for part in parts]).astype(np.float64)
            low, middle, high = np.quantile(column, [0.25, 0.5, 0.75])
            spread = high - low if high - low > SPREAD_MIN else column.std()
            centre[feature] = middle
            scale[feature] = 1 / spread if spread > SPREAD_MIN else 1.0
        return cls(centre, scale)
