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

    def of_mean(self, values: Floats) -> Interval:
        """Interval of the mean of (N,) values."""
        return interval(float(values.mean()), [float(drawn @ values / drawn.sum()) for drawn in self.weights()])


def interval(value: float, resampled: Sequence[float]) -> Interval:
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


class RankedScores:
    """One-against-the-rest AUC under changing weights of the candles; sorts once."""

    def __init__(self, positive: NDArray[np.bool_], scores: Floats) -> None:
        self._order = np.argsort(scores, kind="stable")
        ranked = scores[self._order]
        self._positive = positive[self._order]
        self._groups = np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1])  # of equal scores

    def area(self, weights: Floats) -> float:
        """AUC with candle i counted ``weights[i]`` times; NaN where one side is missing."""
        drawn = weights[self._order]
        ups = np.add.reduceat(drawn * self._positive, self._groups)
        downs = np.add.reduceat(drawn * ~self._positive, self._groups)
        below = downs.cumsum() - 0.5 * downs  # a tie counts half
        total = ups.sum() * downs.sum()
        return float(ups @ below / total) if total > 0 else float("nan")
