"""Returns: log returns of several lengths, in units of the volatility expected over as many candles.

None over 10 candles: momentum's rate of change is one.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels.columns import CLOSE, RETURN, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.elementary import log_ratio
from feature_service.kernels.moments import power
from feature_service.kernels.windows import ratio

LENGTHS = (1, 2, 4, 8, 16, 48, 96, 240)
VOLATILITY_LENGTH = 96

_LENGTHS = np.array(LENGTHS)
_PARTS = np.array([(VOLATILITY_LENGTH / length) ** 0.5 for length in LENGTHS])


def _entry(length: int) -> Feature:
    return Feature(
        f"return_{length}",
        "returns",
        f"log(close / close {length} before) / (s root of {length}), s = root of mean r^2 over {VOLATILITY_LENGTH}, "
        "r = log(close / close before); 0 where r = 0",
        ("close",),
        "volatility",
        -20.0,
        20.0,
        max(length, VOLATILITY_LENGTH) + 1,
        "volatility-scaled return: T. Moskowitz, Y. Ooi, L. Pedersen, 2012",
    )


FEATURES = tuple(_entry(length) for length in LENGTHS)


@kernel
def write_returns(columns: Buffer, at: int, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``."""
    close = columns[CLOSE]
    volatility = np.sqrt(power(columns[RETURN], at, VOLATILITY_LENGTH))
    for place in range(_LENGTHS.size):
        values[place] = ratio(log_ratio(close[at], close[at - _LENGTHS[place]]) * _PARTS[place], volatility)
