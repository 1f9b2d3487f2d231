"""Family ``state``: which of six regimes a candle is in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contracts import REGIMES
from trainer.labels.technicals import Floats, Technicals, before, over_last

MOVE_CANDLES = 20
REFERENCE_CANDLES = 100  # whose mean range ATR14 is measured against: a row shows it, as `atr_14_to_range_100`
VOLATILE_QUANTILE = 0.85  # above it, VOLATILE
RANGE_QUANTILE = 0.40  # of |move| among calm candles: below it, RANGE
STRONG_QUANTILE = 0.65  # of |move|: from it on, and with ADX from its own quantile on, STRONG
TREND_QUANTILE = 0.40  # of ADX among calm candles

DEFINITION = (
    "VOLATILE where ATR14 / mean true range of the last 100 candles is above `volatile`; else by m = 20-candle move "
    "of the close / (ATR14 x sqrt(20)): RANGE where |m| < `range`; STRONG where |m| >= `strong` and ADX14"
    " >= `trend`; else WEAK; BULL where m > 0, BEAR where m < 0"
)

_CLASS = {name: index for index, name in enumerate(REGIMES)}


@dataclass(frozen=True)
class RegimeInputs:
    """What regimes are decided on, (N,) each; NaN where unknown."""

    volatility: Floats  # ATR14 over the mean true range of the last 100
    move: Floats  # 20-candle move in units of ATR14 * sqrt(20), signed
    trend: Floats  # ADX14, 0..100

    @classmethod
    def of(cls, x: Technicals) -> "RegimeInputs":
        """Measure them on a series; a flat market has move 0 and volatility 1."""
        usual = over_last(x.true_range, REFERENCE_CANDLES, "mean")
        with np.errstate(divide="ignore", invalid="ignore"):
            volatility = np.where(usual == 0, np.where(x.atr14 == 0, 1.0, np.inf), x.atr14 / usual)
            move = (x.close - before(x.close, MOVE_CANDLES)) / (x.atr14 * MOVE_CANDLES**0.5)
        return cls(volatility, np.where(x.atr14 == 0, 0.0, move), x.adx14)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where a regime can be told."""
        return ~(np.isnan(self.volatility) | np.isnan(self.move))


@dataclass(frozen=True)
class RegimeCutoffs:
    """Thresholds between the regimes."""

    volatile: float
    range: float
    strong: float
    trend: float

    @classmethod
    def fit(cls, volatility: Floats, move: Floats, trend: Floats) -> "RegimeCutoffs":
        """Take the quantiles of these (training) candles, all known."""
        volatile = float(np.quantile(volatility, VOLATILE_QUANTILE))
        calm = volatility <= volatile
        weak, strong = np.quantile(np.abs(move[calm]), [RANGE_QUANTILE, STRONG_QUANTILE])
        return cls(volatile, float(weak), float(strong), float(np.quantile(trend[calm], TREND_QUANTILE)))

    def regime(self, x: RegimeInputs) -> NDArray[np.int8]:
        """(N,) index into ``REGIMES``; -1 where unknown."""
        size, up = np.abs(x.move), x.move > 0
        strong = (size >= self.strong) & (x.trend >= self.trend)
        bull = np.where(strong, _CLASS["BULL_STRONG"], _CLASS["BULL_WEAK"])
        bear = np.where(strong, _CLASS["BEAR_STRONG"], _CLASS["BEAR_WEAK"])
        regime = np.where(size < self.range, _CLASS["RANGE"], np.where(up, bull, bear))
        regime = np.where(x.volatility > self.volatile, _CLASS["VOLATILE"], regime)
        return np.where(x.known, regime, -1).astype(np.int8)
