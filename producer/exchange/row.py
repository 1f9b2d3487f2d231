"""One candle as an exchange sends it, checked: nothing else gets further."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shared.contracts import CANDLE_DTYPE, Candles

Row = tuple[int, float, float, float, float, float]
"""t (open, UTC epoch ms), open, high, low, close, volume."""


def read_row(values: Sequence[Any]) -> Row | None:
    """Check ``[t, o, h, l, c, v]``; None where it cannot be a candle. A missing volume is 0."""
    try:
        t, prices = int(values[0]), [float(value) for value in values[1:5]]
        volume = float(values[5]) if len(values) > 5 and values[5] is not None else 0.0
        o, h, low, c = prices
    except (TypeError, ValueError, OverflowError, LookupError):
        return None
    sound = t > 0 and 0 < low <= min(o, c) <= max(o, c) <= h < math.inf and 0 <= volume < math.inf
    return (t, o, h, low, c, volume) if sound else None


def candles_of(rows: Iterable[Row]) -> Candles:
    """(N,) of CANDLE_DTYPE."""
    return np.array(list(rows), CANDLE_DTYPE)
