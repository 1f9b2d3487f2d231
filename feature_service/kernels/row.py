"""The row kernel: the one definition of a feature row, which history and stream both run."""

import numpy as np
from numpy.typing import NDArray

from feature_service.catalogue import CATALOGUE
from feature_service.indicators import momentum, moving_averages
from feature_service.kernels import filters
from feature_service.kernels.columns import TRUE_RANGE, WILDER_14, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.windows import weighted

_LOW = np.array([feature.low for feature in CATALOGUE])
_HIGH = np.array([feature.high for feature in CATALOGUE])
_ATR_14 = filters.taps(WILDER_14)

# Where each family ends in a row.
_MOVING_AVERAGES = len(moving_averages.FEATURES)
_MOMENTUM = _MOVING_AVERAGES + len(momentum.FEATURES)


@kernel
def compute_row(columns: Buffer, at: int, values: NDArray[np.float64]) -> None:
    """Write the row (F,) of the candle at ``at``, whose columns are derived, each value within its bounds."""
    atr = weighted(columns[TRUE_RANGE], at, _ATR_14)
    moving_averages.write_moving_averages(columns, at, atr, values[:_MOVING_AVERAGES])
    momentum.write_momentum(columns, at, atr, values[_MOVING_AVERAGES:_MOMENTUM])
    for feature in range(values.size):
        # Written so that a NaN, which only prices near the end of float64 can make, becomes the lower bound.
        value = min(values[feature], _HIGH[feature])
        values[feature] = value if value > _LOW[feature] else _LOW[feature]
