"""The row kernel: the one definition of a feature row, which history and stream both run."""

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from feature_service.catalogue import CATALOGUE
from feature_service.indicators import (
    market_profile,
    momentum,
    moving_averages,
    price_patterns,
    returns,
    smart_money,
    statistical,
    support_resistance,
    trend_strength,
    volatility,
    volume,
)
from feature_service.kernels import filters
from feature_service.kernels.columns import TRUE_RANGE, WILDER_14, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.windows import weighted

SCRATCH = market_profile.SCRATCH
"""Numbers that a row needs room for while it is made."""

_LOW = np.array([feature.low for feature in CATALOGUE])
_HIGH = np.array([feature.high for feature in CATALOGUE])
_ATR_14 = filters.taps(WILDER_14)

_FAMILIES = (
    moving_averages.FEATURES,
    momentum.FEATURES,
    volatility.FEATURES,
    volume.FEATURES,
    price_patterns.FEATURES,
    returns.FEATURES,
    trend_strength.FEATURES,
    statistical.FEATURES,
    support_resistance.FEATURES,
    smart_money.FEATURES,
    market_profile.FEATURES,
)
_ENDS = tuple(accumulate(len(family) for family in _FAMILIES))  # where each family ends in a row
(
    _MOVING_AVERAGES,
    _MOMENTUM,
    _VOLATILITY,
    _VOLUME,
    _PRICE_PATTERNS,
    _RETURNS,
    _TREND_STRENGTH,
    _STATISTICAL,
    _SUPPORT_RESISTANCE,
    _SMART_MONEY,
    _MARKET_PROFILE,
) = _ENDS


@kernel
def compute_row(columns: Buffer, at: int, t: int, scratch: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    """Write the row (F,) of the candle at ``at``, whose columns are derived, each value within its bounds.

    ``t`` is its open time in UTC epoch ms, ``scratch`` has room for ``SCRATCH`` numbers.
    """
    atr = weighted(columns[TRUE_RANGE], at, _ATR_14)
    moving_averages.write_moving_averages(columns, at, atr, values[:_MOVING_AVERAGES])
    momentum.write_momentum(columns, at, atr, values[_MOVING_AVERAGES:_MOMENTUM])
    volatility.write_volatility(columns, at, atr, values[_MOMENTUM:_VOLATILITY])
    volume.write_volume(columns, at, atr, values[_VOLATILITY:_VOLUME])
    price_patterns.write_price_patterns(columns, at, atr, values[_VOLUME:_PRICE_PATTERNS])
    returns.write_returns(columns, at, values[_PRICE_PATTERNS:_RETURNS])
    trend_strength.write_trend_strength(columns, at, atr, values[_RETURNS:_TREND_STRENGTH])
    statistical.write_statistical(columns, at, values[_TREND_STRENGTH:_STATISTICAL])
    support_resistance.write_support_resistance(columns, at, atr, values[_STATISTICAL:_SUPPORT_RESISTANCE])
    smart_money.write_smart_money(columns, at, atr, values[_SUPPORT_RESISTANCE:_SMART_MONEY])
    market_profile.write_market_profile(columns, at, t, atr, scratch, values[_SMART_MONEY:_MARKET_PROFILE])
    for feature in range(values.size):
        # Written so that a NaN, which only prices near the end of float64 can make, becomes the lower bound.
        value = min(values[feature], _HIGH[feature])
        values[feature] = value if value > _LOW[feature] else _LOW[feature]
