"""Where episodes take place: the candles of one split of every series, with their embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from shared.errors import TrainingError
from shared.settings.learning import BacktestSettings
from trainer.backtest.market import BPS, CLOSE, RANGE, Charge, Floats, Market
from trainer.chunks import LabelledSeries
from trainer.splits import Span


@dataclass(frozen=True)
class Ground:
    """One series' part: its market, and (N, d) what the policy reads at each candle."""

    market: Market
    embedding: NDArray[np.float32]

    @property
    def unit(self) -> float:
        """Mean true range as a share of the price: what rewards of different series are made alike by."""
        return max(float((self.market.table[:, RANGE] / self.market.table[:, CLOSE]).mean()), 1e-9)


def market_of(series: LabelledSeries, span: Span, settings: BacktestSettings) -> Market:
    """Market of a span: costs of the labels as spread, slippage and commission of the settings on top."""
    spread = series.costs * series.candles["c"]
    slippage = Charge(share=settings.slippage_bps * BPS)
    return Market.of(series.candles, spread, slippage, settings.commission_bps * BPS).cut(span.start, span.stop)


@dataclass(frozen=True)
class Arena:
    """Grounds one after another in flat arrays of M candles.

    Attributes
    ----------
    table
        (M, 7) as ``Market.table``.
    embedding
        (M, d).
    unit
        (M,) ``Ground.unit`` of each candle's series.
    starts
        Candles from which an episode stays within its series.
    """

    table: Floats
    embedding: NDArray[np.float32]
    unit: Floats
    starts: NDArray[np.int64]
    commission: float

    @classmethod
    def of(cls, grounds: Sequence[Ground], length: int) -> Self:
        """Of grounds, for episodes of ``length`` decisions.

        Raises
        ------
        TrainingError
            No ground is long enough for one episode.
        """
        starts, at = [], 0
        for ground in grounds:
            starts.append(at + np.arange(max(0, len(ground.market) - length)))
            at += len(ground.market)
        if not sum(map(len, starts)):
            longest = max((len(ground.market) for ground in grounds), default=0)
            rule = f"must be less than the {longest} candles of the longest training split"
            raise TrainingError("training.rl.episode_candles", length, rule, "give shorter episodes or more candles")
        return cls(
            np.concatenate([ground.market.table for ground in grounds]),
            np.concatenate([ground.embedding for ground in grounds]),
            np.concatenate([np.full(len(ground.market), ground.unit) for ground in grounds]),
            np.concatenate(starts).astype(np.int64),
            grounds[0].market.commission,
        )
