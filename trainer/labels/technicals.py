"""The textbook indicators that label definitions are written in. Causal; NaN until they have enough candles.

Labels may look at a whole history, so recursive averages here are the plain ones, from the first candle on.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from shared.contracts import Candles

Floats = NDArray[np.float64]  # (N,)


def over_last(values: Floats, length: int, what: str) -> Floats:
    """Numpy's ``what`` (mean, median, min, max) of the last ``length`` values; NaN where there are fewer."""
    if what == "median":  # the same values as numpy's, from a sorted window instead of sorting each
        middle: Floats = pd.Series(values).rolling(length).median().to_numpy()
        return middle
    out = np.full(len(values), np.nan)
    if len(values) >= length:
        out[length - 1 :] = getattr(np, what)(sliding_window_view(values, length), axis=-1)
    return out


def exponential(values: Floats, weight: float) -> Floats:
    """Recursive average whose newest value weighs ``weight``, started at the first value."""
    smoothed: Floats = pd.Series(values).ewm(alpha=weight, adjust=False).mean().to_numpy()
    return smoothed


def before(values: Floats, by: int = 1) -> Floats:
    """Shift to the values ``by`` candles earlier; NaN for the first ones."""
    out = np.full(len(values), np.nan)
    out[by:] = values[:-by]
    return out


@dataclass(frozen=True)
class Technicals:
    """Indicators of one series, (N,) each."""

    close: Floats
    sma20: Floats
    sma50: Floats
    rsi14: Floats  # 0..100, Wilder 1978
    macd_histogram: Floats  # EMA12 - EMA26 less its EMA9 (Appel 1979)
    range_place: Floats  # close in the 20-candle range: 0 low .. 1 high; 0.5 where the range is empty
    volume_ratio: Floats  # volume / its 20-candle median; 1 where that is 0
    plus_di: Floats  # 0..100, Wilder 1978
    minus_di: Floats
    adx14: Floats  # 0..100
    atr14: Floats  # price units
    true_range: Floats  # price units

    @classmethod
    def of(cls, candles: Candles) -> "Technicals":
        """Compute all of them for (N,) candles."""
        close, high, low = (candles[name].astype(np.float64) for name in "chl")
        macd = exponential(close, 2 / 13) - exponential(close, 2 / 27)
        top, bottom = over_last(high, 20, "max"), over_last(low, 20, "min")
        plus, minus, adx, atr, true_range = _directional(high, low, close)
        return cls(
            close=close,
            sma20=over_last(close, 20, "mean"),
            sma50=over_last(close, 50, "mean"),
            rsi14=_rsi(close),
            macd_histogram=macd - exponential(macd, 2 / 10),
            range_place=_ratio(close - bottom, top - bottom, 0.5),
            volume_ratio=_ratio(candles["v"], over_last(candles["v"], 20, "median"), 1.0),
            plus_di=plus,
            minus_di=minus,
            adx14=adx,
            atr14=atr,
            true_range=true_range,
        )


def _ratio(part: Floats, whole: Floats, empty: float) -> Floats:
    """``part / whole``, and ``empty`` where ``whole`` is 0."""
    ratio: Floats = np.divide(part, whole, out=np.full(len(part), empty), where=whole != 0)
    return ratio


def _rsi(close: Floats) -> Floats:
    change = np.diff(close, prepend=close[0])
    up, down = exponential(np.maximum(change, 0), 1 / 14), exponential(np.maximum(-change, 0), 1 / 14)
    return 100 * _ratio(up, up + down, 0.5)


def _directional(high: Floats, low: Floats, close: Floats) -> tuple[Floats, ...]:
    """Return +DI, -DI, ADX and ATR over 14 candles, and the true range."""
    last = np.concatenate([close[:1], close[:-1]])
    true_range = np.maximum(high, last) - np.minimum(low, last)
    rise, fall = np.diff(high, prepend=high[0]), -np.diff(low, prepend=low[0])
    atr = exponential(true_range, 1 / 14)
    plus = 100 * _ratio(exponential(np.where((rise > fall) & (rise > 0), rise, 0.0), 1 / 14), atr, 0.0)
    minus = 100 * _ratio(exponential(np.where((fall > rise) & (fall > 0), fall, 0.0), 1 / 14), atr, 0.0)
    adx = exponential(100 * _ratio(np.abs(plus - minus), plus + minus, 0.0), 1 / 14)
    return plus, minus, adx, atr, true_range
