"""Family ``state``: whether a candle shows a bullish or a bearish setup, by six conditions a side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.labels.technicals import Floats, Technicals, before

Counts = NDArray[np.int64]  # (N,) conditions that hold, 0..6

CONDITIONS = 6
SHARE_MIN, SHARE_MAX = 0.20, 0.55  # of candles: each side at least, and both sides together at most
SHARE_WANTED = 0.50  # of both sides together, with room for files that differ from their training split
BOTH_MAX = 0.05  # of candles on which both sides hold enough conditions
VOLUME_SPIKE = float(np.nextafter(1.5, 2))  # more than 1.5 times its 20-candle median
UPPER_PART = 0.7  # a close in the upper 30 % of the 20-candle range
# Where the textbook's two are too rare: share of the training candles whose volume counts, and the part of the range.
LADDER = ((0.35, 0.66), (0.45, 0.62), (0.55, 0.58), (0.65, 0.54), (0.75, 0.50))

DEFINITION = (
    "bullish: close > SMA20 > SMA50; RSI14 > 50 or just up through 30; close > Bollinger middle and its "
    "slope > 0; volume >= `volume` x its 20-candle median; close at or above `upper` of the 20-candle range (0 low, 1 "
    "high); MACD histogram > 0 and rising. bearish: close < SMA20 < SMA50; RSI14 < 50 or just down through 70; close"
    " < Bollinger middle and slope < 0; volume as above and close at or below 1 - `upper` of the range; MACD histogram "
    "< 0 and falling; -DI > +DI. A setup has at least `conditions` of six, and more than the other side"
)


@dataclass(frozen=True)
class SetupInputs:
    """What conditions are decided on, (N,) each."""

    bullish: Counts  # conditions that hold and have no cut-off, 0..4
    bearish: Counts  # 0..5
    volume: Floats  # over its 20-candle median
    place: Floats  # of the close in the 20-candle range, 0..1
    known: NDArray[np.bool_]  # 50 candles are there

    @classmethod
    def of(cls, x: Technicals) -> "SetupInputs":
        """Measure them on a series."""
        rsi, histogram, middle = x.rsi14, x.macd_histogram, x.sma20
        slope = middle - before(middle)
        bullish = (
            (x.close > x.sma20) & (x.sma20 > x.sma50),
            (rsi > 50) | ((rsi > 30) & (before(rsi) <= 30)),
            (x.close > middle) & (slope > 0),
            (histogram > 0) & (histogram > before(histogram)),
        )
        bearish = (
            (x.close < x.sma20) & (x.sma20 < x.sma50),
            (rsi < 50) | ((rsi < 70) & (before(rsi) >= 70)),
            (x.close < middle) & (slope < 0),
            (histogram < 0) & (histogram < before(histogram)),
            x.minus_di > x.plus_di,
        )
        return cls(np.sum(bullish, 0), np.sum(bearish, 0), x.volume_ratio, x.range_place, ~np.isnan(x.sma50))

    def where(self, mask: NDArray[np.bool_]) -> "SetupInputs":
        """Those of some candles."""
        return SetupInputs(
            self.bullish[mask], self.bearish[mask], self.volume[mask], self.place[mask], self.known[mask]
        )


@dataclass(frozen=True)
class SetupCutoff:
    """How many conditions make a setup of one series, and from where on volume and close count as one."""

    conditions: int  # 1..6
    volume: float = VOLUME_SPIKE
    upper: float = UPPER_PART

    def count(self, x: SetupInputs) -> tuple[Counts, Counts]:
        """Bullish and bearish conditions that hold at each candle, (N,) each; 0 before 50 candles are known."""
        loud = x.volume >= self.volume
        bullish = x.bullish + loud + (x.place >= self.upper)
        bearish = x.bearish + (loud & (x.place <= 1 - self.upper))
        return bullish * x.known, bearish * x.known

    def buy(self, bullish: Counts, bearish: Counts) -> NDArray[np.int8]:
        """1 where there is a bullish setup, else 0."""
        return ((bullish >= self.conditions) & (bullish > bearish)).astype(np.int8)


def fit_setups(series: Sequence[SetupInputs], least: int) -> list[SetupCutoff]:
    """Adapt to the (training) candles of each series until setups are events on either side.

    Number of conditions and rung of the ladder are common to all; the volume that counts is each series' own
    quantile, as sessions and feeds differ. From ``least`` conditions on, the first number is taken with which all
    shares are kept, and of its rungs the one with the share nearest the wanted. Where nothing keeps them, as in
    synthetic or dead markets, what misses them least.
    """
    rungs = [[(UPPER_PART, VOLUME_SPIKE)] * len(series)]
    rungs += [[(upper, float(np.quantile(x.volume, 1 - share))) for x in series] for share, upper in LADDER]
    best: list[SetupCutoff] = []
    least_miss = np.inf
    for conditions in range(least, CONDITIONS + 1):
        tried = [[SetupCutoff(conditions, volume, upper) for upper, volume in rung] for rung in rungs]
        misses = [_miss(cutoffs, series) for cutoffs in tried]
        found = int(np.argmin(misses))
        if misses[found] < least_miss:
            best, least_miss = tried[found], misses[found]
        if least_miss < 1:
            break
    return best


def _miss(cutoffs: Sequence[SetupCutoff], series: Sequence[SetupInputs]) -> float:
    """How far shares are from the wanted ones: below 1 where all are kept."""
    broken, either = [], []
    for cutoff, x in zip(cutoffs, series, strict=True):
        bullish, bearish = cutoff.count(x)
        buy, sell = cutoff.buy(bullish, bearish).mean(), cutoff.buy(bearish, bullish).mean()
        both = ((bullish >= cutoff.conditions) & (bearish >= cutoff.conditions)).mean()
        broken.append(max(SHARE_MIN - min(buy, sell), max(buy, sell) - SHARE_MAX, both - BOTH_MAX))
        either.append(buy + sell)
    worst = max(*broken, float(np.mean(either)) - SHARE_MAX)
    return float(1 + worst if worst >= 0 else abs(np.mean(either) - SHARE_WANTED))
