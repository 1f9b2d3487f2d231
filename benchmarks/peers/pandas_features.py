"""Indicators the usual way: pandas over the whole window, again for every candle. As many columns as Natron's."""

import numpy as np
import pandas as pd

PERIODS = (5, 10, 14, 20, 30, 50, 100, 200)


def pandas_features(frame: pd.DataFrame) -> pd.DataFrame:
    """98 columns of textbook indicators over (N,) candles of columns o, h, l, c, v."""
    h, low, c, v = (frame[name] for name in "hlcv")
    out: dict[str, pd.Series] = {}
    change, last = c.diff(), c.shift()
    true_range = pd.concat([h - low, (h - last).abs(), (low - last).abs()], axis=1).max(axis=1)
    for period in PERIODS:
        rolled = c.rolling(period)
        mean, deviation = rolled.mean(), rolled.std()
        top, bottom = h.rolling(period).max(), low.rolling(period).min()
        up = change.clip(lower=0).ewm(alpha=1 / period, adjust=False).mean()
        down = (-change).clip(lower=0).ewm(alpha=1 / period, adjust=False).mean()
        typical = (h + low + c) / 3
        flat = typical.rolling(period).apply(lambda x: np.abs(x - x.mean()).mean(), raw=True)
        out[f"sma_{period}"] = c / mean - 1
        out[f"ema_{period}"] = c / c.ewm(span=period, adjust=False).mean() - 1
        out[f"bollinger_{period}"] = (c - mean) / (2 * deviation)
        out[f"rsi_{period}"] = 100 * up / (up + down)
        out[f"stochastic_{period}"] = (c - bottom) / (top - bottom)
        out[f"cci_{period}"] = (typical - typical.rolling(period).mean()) / (0.015 * flat)
        out[f"atr_{period}"] = true_range.ewm(alpha=1 / period, adjust=False).mean() / c
        out[f"roc_{period}"] = c.pct_change(period)
        out[f"volume_{period}"] = v / v.rolling(period).mean()
        out[f"skew_{period}"] = change.rolling(period).skew()
        out[f"kurtosis_{period}"] = change.rolling(period).kurt()
        out[f"obv_{period}"] = (np.sign(change) * v).rolling(period).sum() / v.rolling(period).sum()
    macd = c.ewm(span=12, adjust=False).mean() - c.ewm(span=26, adjust=False).mean()
    out["macd"], out["macd_signal"] = macd / c, macd.ewm(span=9, adjust=False).mean() / c
    return pd.DataFrame(out)
