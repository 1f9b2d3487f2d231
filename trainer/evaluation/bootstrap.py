"""Intervals of figures on candles that depend on their neighbours: moving blocks are drawn, not single candles.

A block is longer than any label looks ahead and than the regimes last, so what is drawn keeps the dependence within.
Blocks never reach from one series into another (Künsch 1989).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.95  # of an interval
FEWEST_BLOCKS = 10  # where a series is short, its blocks are made shorter


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds between which it lies with ``LEVEL`` confidence."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the figure is known."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Resamples:
    """Draws of blocks from series that lie one after the other; the same seed gives the same draws.

    Parameters
    ----------
    lengths
        Candles of each series.
    block
        Candles a block; a series shorter than ten blocks is cut into ten.
    count
        How many draws.
    """

    lengths: Sequence[int]
    block: int
    count: int
    seed: int = 0

    def weights(self) -> Iterator[Floats]:
        """(N,) how often each candle was drawn, one array a draw."""
        random = np.random.default_rng(self.seed)
        for _ in range(self.count):
            yield np.concatenate([_drawn(length, self.block, random) for length in self.lengths])

    def of_means(self, values: Floats) -> list[Interval]:
        """Intervals of the means of (N, M) values, by the same draws for all M."""
        means = np.stack([drawn @ values / drawn.sum() for drawn in self.weights()])
        return [interval(float(own), drawn) for own, drawn in zip(values.mean(0), means.T, strict=True)]


def interval(value: float, resampled: Sequence[float] | Floats) -> Interval:
    """Percentile interval of a figure from what the draws gave."""
    low, high = np.nanquantile(np.asarray(resampled), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def _drawn(length: int, block: int, random: np.random.Generator) -> Floats:
    size = max(1, min(block, length // FEWEST_BLOCKS))
    starts = random.integers(0, length - size + 1, -(-length // size))
    edges = np.zeros(length + 1)
    np.add.at(edges, starts, 1.0)
    np.add.at(edges, starts + size, -1.0)
    drawn: Floats = edges.cumsum()[:-1]
    return drawn


def auc_influence(positive: NDArray[np.bool_], scores: Floats) -> Floats:
    """(N,) what each candle adds to the AUC of its scores, mean 0; NaN where one side is missing.

    A candle counted w times more moves the AUC by w / N of its value, to first order (DeLong 1988): the AUC of a draw
    is the AUC plus the weighted mean of these.
    """
    ups, downs = np.sort(scores[positive]), np.sort(scores[~positive])
    if not len(ups) or not len(downs):
        return np.full(len(scores), np.nan)
    beaten = _placed(downs, scores) / len(downs)  # share of the other side below, for a positive
    beating = 1 - _placed(ups, scores) / len(ups)
    area = beaten[positive].mean()
    share = positive.mean()
    added: Floats = np.where(positive, (beaten - area) / share, (beating - area) / (1 - share))
    return added


def _placed(ranked: Floats, scores: Floats) -> Floats:
    """(N,) how many of ``ranked`` each score exceeds, a tie counting half."""
    found: Floats = (np.searchsorted(ranked, scores, "left") + np.searchsorted(ranked, scores, "right")) / 2
    return found
