# mypy: allow-untyped-decorators
"""A rule's orders over a market: trades and the equity after every candle."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from shared.errors import InputError
from trainer.backtest.account import (
    ACCOUNT_SIZE,
    BALANCE,
    BY_END,
    EQUITY,
    POSITION,
    TRADE_SIZE,
    exit_price,
    leave,
    live,
    mark,
    new_account,
)
from trainer.backtest.market import CLOSE, Floats, Market

REASONS = ("order", "horizon", "stop", "take", "end")
"""Why a trade ended, by its number."""

Orders = NDArray[np.int8]  # (N,) -1 short, 0 none or flat, 1 long


@dataclass(frozen=True)
class Exits:
    """How positions end. Distances are in mean true ranges of the candle that gave the order; 0 means none.

    Attributes
    ----------
    horizon
        Candles a position is held; 0: until an order ends it.
    at_open
        Leave at the first open after the horizon, as an EA does, instead of at the last close, as the labels do.
    follow
        Orders are the position to be in (0 closes, the other side turns), not entries into a flat account.
    stop, take, trail, break_even
        Loss and profit at which a position is closed; distance of a stop that follows the closes; profit at which
        the stop moves to the entry. Stops move at closes only.
    """

    horizon: int = 12
    at_open: bool = False
    follow: bool = False
    stop: float = 0.0
    take: float = 0.0
    trail: float = 0.0
    break_even: float = 0.0

    def __post_init__(self) -> None:
        for name in ("horizon", "stop", "take", "trail", "break_even"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(name, getattr(self, name), "must be 0 or more", "give 0 for none")

    def terms(self, commission: float, scale: float = 0.0) -> Floats:
        """(9,) as ``account.live`` reads them; ``scale`` as ``Market.scale``."""
        distances = (self.stop, self.take, self.trail, self.break_even)
        return np.array([self.follow, self.horizon, self.at_open, *distances, commission, scale], np.float64)


@dataclass(frozen=True)
class Trades:
    """K trades in the order they ended; arrays (K,)."""

    side: NDArray[np.int8]  # -1 short, 1 long
    entered: NDArray[np.int64]  # candle at whose open
    left: NDArray[np.int64]  # candle in which
    entry: Floats  # fill prices
    exit: Floats
    reason: NDArray[np.int8]  # into REASONS
    result: Floats  # log-equity change, costs included
    held: NDArray[np.int64]  # candles

    def __len__(self) -> int:
        return len(self.side)

    @classmethod
    def of(cls, rows: Floats) -> "Trades":
        """Of (K, 8) as the engine writes them."""
        side, entered, left, entry, out, reason, result, held = rows.T.copy()
        return cls(
            side.astype(np.int8),
            entered.astype(np.int64),
            left.astype(np.int64),
            entry,
            out,
            reason.astype(np.int8),
            result,
            held.astype(np.int64),
        )


@dataclass(frozen=True)
class Outcome:
    """What became of an account."""

    trades: Trades
    equity: Floats  # (N,) log-equity after each candle, 0 at the start, the open position at its price
    position: Orders  # (N,) held at each candle's close
    sides: int  # fills, each worth the whole equity


def simulate(market: Market, orders: Orders, exits: Exits) -> Outcome:
    """Run orders over a market; ``orders[i]`` is given at the close of candle i and filled at the next open.

    A position that is open at the end is closed at the last close.
    """
    trades = np.empty((2 * len(market) + 1, TRADE_SIZE))
    equity, position = np.zeros(len(market)), np.zeros(len(market), np.int8)
    ended = _simulate(market.table, orders, exits.terms(market.commission, market.scale), trades, equity, position)
    found = Trades.of(trades[:ended])
    return Outcome(found, equity, position, 2 * len(found))


@njit(cache=True)
def _simulate(
    market: Floats, orders: Orders, terms: Floats, trades: Floats, equity: Floats, position: Orders
) -> int:  # pragma: no cover - compiled
    account = np.zeros(ACCOUNT_SIZE)
    new_account(account)
    ended = 0
    for at in range(len(market)):
        order = orders[at - 1] if at else 0
        ended += live(account, trades[ended:], market, at, order, terms)
        equity[at], position[at] = account[EQUITY], account[POSITION]
    if len(market):
        ended += finish(account, trades[ended:], market, len(market) - 1, terms)
        equity[-1] = account[BALANCE]
    return ended


@njit(cache=True)
def finish(
    account: Floats, trades: Floats, market: Floats, at: int, terms: Floats
) -> int:  # pragma: no cover - compiled
    """Close what is open at the close of candle ``at``."""
    if account[POSITION] == 0:
        return 0
    price = exit_price(account[POSITION], market[at, CLOSE], market, at)
    leave(account, trades[0], at, price, BY_END, terms)
    mark(account, market, at)
    return 1
