"""Family ``outcome``: would a trade have won after costs, and will the next candles be more volatile than usual."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_service.feature_set import FEATURE_SET
from shared.contracts import Candles
from trainer.labels.technicals import Floats, over_last

WIN_DEFINITION = (
    "enter at the open of the next candle, leave at the close `horizon` candles later; win where the log "
    "return of that trade exceeds the cost of the round trip"
)
VOLATILITY_DEFINITION = (
    "mean true range / close of the next `horizon` candles over the median, in the last `reference` candles, of the "
    "same of single candles; high where that exceeds `high`"
)
REFERENCE_CANDLES = FEATURE_SET.lookback  # a row sees as many: the label asks nothing that it cannot know
HIGH_QUANTILE = 2 / 3  # of the ratio over the training split


def trade_returns(candles: Candles, horizon: int) -> Floats:
    """(N,) log return from the next open to the close ``horizon`` candles later; NaN for the last ones."""
    out = np.full(len(candles), np.nan)
    if len(candles) > horizon:
        out[:-horizon] = np.log(candles["c"][horizon:] / candles["o"][1 : len(candles) - horizon + 1])
    return out


def wins(returns: Floats, cost: float | Floats) -> NDArray[np.int8]:
    """(N,) 1 where a trade of these log returns is worth more than its cost (a share of the price), -1 unknown."""
    return np.where(np.isnan(returns), -1, returns > cost).astype(np.int8)


def volatility_ratios(candles: Candles, horizon: int) -> Floats:
    """(N,) how volatile the next ``horizon`` candles are, in units of the series' usual; NaN where unknown."""
    close = candles["c"]
    last = np.concatenate([close[:1], close[:-1]])
    ranges = (np.maximum(candles["h"], last) - np.minimum(candles["l"], last)) / close
    usual = over_last(ranges, REFERENCE_CANDLES, "median")
    out = np.full(len(candles), np.nan)
    if len(candles) > horizon:
        ahead = over_last(ranges, horizon, "mean")[horizon:]
        with np.errstate(divide="ignore", invalid="ignore"):
            out[:-horizon] = np.where(ahead == usual[:-horizon], 1.0, ahead / usual[:-horizon])
    return out


@dataclass(frozen=True)
class VolatilityCutoff:
    """What counts as high volatility."""

    high: float  # times the usual

    @classmethod
    def fit(cls, ratios: Floats) -> "VolatilityCutoff":
        """Take the third of these (training) candles that was most volatile."""
        return cls(float(np.quantile(ratios, HIGH_QUANTILE)))

    def high_volatility(self, ratios: Floats) -> NDArray[np.int8]:
        """(N,) 1 where the next candles are highly volatile, 0 where not, -1 unknown."""
        return np.where(np.isnan(ratios), -1, ratios > self.high).astype(np.int8)
