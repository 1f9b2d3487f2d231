"""Which orders a client may act on: those that reach it in time and that no other head speaks against."""

import numpy as np

from trainer.backtest.engine import Orders
from trainer.backtest.market import Market
from trainer.backtest.rules import clear_direction
from trainer.backtest.signals import Signals


def delivered(orders: Orders, signals: Signals, market: Market, width_ms: int, max_age_s: int) -> Orders:
    """Leave out what the Expert Advisor would not act on.

    Parameters
    ----------
    width_ms
        Of a candle. A signal expires one candle after the close of its own.
    max_age_s
        Longest time from a candle's close to the next one's open: after a weekend a signal is old.

    Returns
    -------
    (N,) the orders; 0 where they come too late, or where direction or policy point the other way.
    """
    closed = market.times + width_ms
    waited_ms = np.append(market.times[1:] - closed[:-1], 0)
    kept = np.where(waited_ms <= min(1_000 * max_age_s, width_ms), orders, 0)
    opponents = [clear_direction(signals.heads["direction"])] if "direction" in signals.heads else []
    if signals.actions is not None:
        opponents.append(signals.actions)
    for other in opponents:
        kept = np.where(other == -kept, 0, kept)
    return kept.astype(np.int8)
