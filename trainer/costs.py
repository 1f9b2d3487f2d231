"""What a round trip costs at each candle: the file's own spread, else what the settings say."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.contracts import Candles

Costs = NDArray[np.float64]  # (N,) of a round trip begun at each candle, a share of the price

_BPS = 10_000  # in a price


def round_trip_costs(candles: Candles, spread: NDArray[np.float64] | None, cost_bps: float) -> Costs:
    """Price a round trip at each candle.

    Parameters
    ----------
    spread
        (N,) price between bid and ask, NaN where a row has none, or None. Buying at the ask what is sold at the bid
        pays it once. A column without any positive spread counts as none: exports write 0 for what they do not know.
    cost_bps
        Of the price, 1/10,000; taken where no spread is known yet. A row without a spread takes the last one before.
    """
    usual = np.full(len(candles), cost_bps / _BPS)
    if spread is None or not (spread > 0).any():
        return usual
    known: Costs = pd.Series(spread / candles["c"]).ffill().to_numpy()
    return np.where(np.isnan(known), usual, known)
