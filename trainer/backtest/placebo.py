"""The same trades at random times: what a rule's timing must beat."""

import numpy as np
from numpy.typing import NDArray

from trainer.backtest.account import RUIN
from trainer.backtest.engine import Trades
from trainer.backtest.market import CLOSE, OPEN, SLIPPAGE, SPREAD, Floats, Market

DRAWS = 200


def random_results(market: Market, trades: Trades, draws: int, seed: int) -> Floats:
    """(draws,) log-equity of as many trades of the same sides and lengths, each draw at other times.

    Lengths and sides come in random order, without overlap, and the candles between them are spread evenly over all
    ways to do so. Each is entered at an open and left at a close.
    """
    random = np.random.default_rng(seed)
    count = len(trades)
    results = np.zeros(draws)
    held = np.minimum(trades.held, len(market))
    if not count:
        return results
    idle = max(len(market) - int(held.sum()), 0)
    for draw in range(draws):
        lengths, sides = random.permutation(held), random.permutation(trades.side)
        before = np.sort(random.integers(0, idle + 1, count))  # idle candles ahead of each trade
        entered = before + np.concatenate([[0], np.cumsum(lengths)[:-1]])
        left = np.minimum(entered + lengths, len(market)) - 1
        results[draw] = _results(market, np.minimum(entered, left), left, sides).sum()
    return results


def percentile(result: float, results: Floats) -> float:
    """Share of the draws that a result beats, ties counting half."""
    return float((results < result).mean() + (results == result).mean() / 2)


def _results(market: Market, entered: NDArray[np.int64], left: NDArray[np.int64], sides: NDArray[np.int8]) -> Floats:
    """(K,) log-equity changes of trades, as the engine counts them."""
    table, long = market.table, sides > 0
    slipped = sides * table[entered, SLIPPAGE], sides * table[left, SLIPPAGE]
    entry = table[entered, OPEN] + np.where(long, table[entered, SPREAD], 0.0) + slipped[0]
    exits = table[left, CLOSE] + np.where(long, 0.0, table[left, SPREAD]) - slipped[1]
    worth = np.where(long, exits / entry, 2 - exits / entry)
    return np.asarray(np.log(np.maximum(worth, RUIN)) + 2 * np.log1p(-market.commission))
