"""Family ``state``: whether a candle shows a bullish or a bearish setup, by six conditions a side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.labels.technicals import Technicals, before

Counts = NDArray[np.int64]  # (N,) conditions that hold, 0..6

SHARE_MAX = 0.55  # of the training candles of either side; more would be no event
BOTH_MAX = 0.05  # of the training candles on which both sides hold enough conditions
VOLUME_SPIKE = 1.5  # volume over its 20-candle median that counts as a condition
UPPER_PART = 0.7  # a close this high in the 20-candle range counts as bullish; 1 - this, as bearish
CONDITIONS = 6

DEFINITION = (
    "bullish: close > SMA20 > SMA50; RSI14 > 50 or just up through 30; close > Bollinger middle and its "
    "slope > 0; volume > 1.5 x its 20-candle median; close in the upper 30 % of the 20-candle range; MACD"
    " histogram > 0 and rising. bearish: close < SMA20 < SMA50; RSI14 < 50 or just down through 70; close"
    " < Bollinger middle and slope < 0; volume > 1.5 x and close in the lower 30 %; MACD histogram < 0 "
    "and falling; -DI > +DI. A setup has at least `conditions` of six, and more than the other side"
)


@dataclass(frozen=True)
class SetupCutoff:
    """How many conditions make a setup."""

    conditions: int  # 1..6

    @classmethod
    def fit(cls, bullish: Counts, bearish: Counts, least: int) -> "SetupCutoff":
        """Take the smallest number, from ``least`` on, that keeps setups within both shares of these."""
        for conditions in range(least, CONDITIONS):
            bull, bear = bullish >= conditions, bearish >= conditions
            buy, sell = bull & (bullish > bearish), bear & (bearish > bullish)
            if max(buy.mean(), sell.mean()) <= SHARE_MAX and (bull & bear).mean() < BOTH_MAX:
                return cls(conditions)
        return cls(CONDITIONS)

    def buy(self, bullish: Counts, bearish: Counts) -> NDArray[np.int8]:
        """1 where there is a bullish setup, else 0."""
        return ((bullish >= self.conditions) & (bullish > bearish)).astype(np.int8)


def count_conditions(x: Technicals) -> tuple[Counts, Counts]:
    """Bullish and bearish conditions that hold at each candle, (N,) each; 0 before 50 candles are known."""
    rsi, histogram, middle = x.rsi14, x.macd_histogram, x.sma20
    spike, slope = x.volume_ratio > VOLUME_SPIKE, middle - before(middle)
    bullish = (
        (x.close > x.sma20) & (x.sma20 > x.sma50),
        (rsi > 50) | ((rsi > 30) & (before(rsi) <= 30)),
        (x.close > middle) & (slope > 0),
        spike,
        x.range_place >= UPPER_PART,
        (histogram > 0) & (histogram > before(histogram)),
    )
    bearish = (
        (x.close < x.sma20) & (x.sma20 < x.sma50),
        (rsi < 50) | ((rsi < 70) & (before(rsi) >= 70)),
        (x.close < middle) & (slope < 0),
        spike & (x.range_place <= 1 - UPPER_PART),
        (histogram < 0) & (histogram < before(histogram)),
        x.minus_di > x.plus_di,
    )
    known = ~np.isnan(x.sma50)
    return np.sum(bullish, 0) * known, np.sum(bearish, 0) * known
