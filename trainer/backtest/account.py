# mypy: allow-untyped-decorators
"""One account on one series, candle by candle: the arithmetic that every backtest and every episode runs.

Compiled, over flat float64 arrays: the environment of the policy lives through hundreds of thousands of candles.
"""

import numpy as np
from numba import njit

from trainer.backtest.market import CLOSE, HIGH, LOW, OPEN, RANGE, SLIPPAGE, SPREAD, Floats

POSITION, ENTRY, AGE, STOP, TAKE, ENTRY_RANGE, ENTRY_AT, BALANCE, EQUITY, PEAK, SIDES = range(11)
"""Places in an account. POSITION -1, 0, 1; ENTRY the fill; AGE candles held; STOP, TAKE prices; ENTRY_RANGE the mean
true range when it was ordered; ENTRY_AT the candle; BALANCE log-equity of closed trades; EQUITY with the open one at
the newest close; PEAK its maximum; SIDES fills so far."""

ACCOUNT_SIZE = 11

FOLLOW, HORIZON, AT_OPEN, STOP_RANGES, TAKE_RANGES, TRAIL_RANGES, BREAK_EVEN_RANGES, COMMISSION, SCALE = range(9)
"""Places in the terms of an account (``engine.Exits.terms``). SCALE: ticks of the price in one; 0: it has no grid."""

BY_ORDER, BY_HORIZON, BY_STOP, BY_TAKE, BY_END = range(5)
"""Why a trade ended."""

TRADE_SIZE = 8  # side, candle in, candle out, price in, price out, reason, log result, candles held
TICK_TOLERANCE = 1e-6  # of a tick: what floating point may lack to a whole one
PRICE_NOISE = 1e-12
RUIN = 1e-6  # of the equity that is left at worst: a short may lose more than all


@njit(cache=True)
def new_account(account: Floats) -> None:  # pragma: no cover - compiled
    """Empty an account in place: flat, equity 1."""
    account[:] = 0.0
    account[STOP], account[TAKE] = 0.0, np.inf


@njit(cache=True)
def gain(side: float, entry: float, price: float) -> float:  # pragma: no cover - compiled
    """Log-equity change of a position that was worth the whole equity when it was opened."""
    left = price / entry if side > 0 else 2.0 - price / entry
    return np.log(max(left, RUIN))  # type: ignore[no-any-return]


@njit(cache=True)
def mark(account: Floats, market: Floats, at: int) -> None:  # pragma: no cover - compiled
    """Value the open position at the close: a long one at the bid, a short one at the ask."""
    equity, side = account[BALANCE], account[POSITION]
    if side != 0:
        close = market[at, CLOSE] + (market[at, SPREAD] if side < 0 else 0.0)
        equity += gain(side, account[ENTRY], close)
    account[EQUITY] = equity
    account[PEAK] = max(account[PEAK], equity)


@njit(cache=True)
def leave(
    account: Floats, trade: Floats, at: int, price: float, reason: int, terms: Floats
) -> None:  # pragma: no cover - compiled
    """Close the position at a fill price and write its trade."""
    side, entry = account[POSITION], account[ENTRY]
    result = gain(side, entry, price) + np.log1p(-terms[COMMISSION])
    account[BALANCE] += result
    account[POSITION] = 0.0
    account[SIDES] += 1
    trade[0], trade[1], trade[2], trade[3], trade[4] = side, account[ENTRY_AT], at, entry, price
    trade[5], trade[6], trade[7] = reason, result + np.log1p(-terms[COMMISSION]), account[AGE]


@njit(cache=True)
def exit_price(side: float, bid: float, market: Floats, at: int) -> float:  # pragma: no cover - compiled
    """Fill of a market order that closes a position: longs are sold at the bid, shorts bought back at the ask."""
    if side > 0:
        return bid - market[at, SLIPPAGE]  # type: ignore[no-any-return]
    return bid + market[at, SPREAD] + market[at, SLIPPAGE]  # type: ignore[no-any-return]


@njit(cache=True)
def on_grid(price: float, scale: float) -> float:  # pragma: no cover - compiled
    """Round a level that a broker is given to the grid of its prices."""
    return np.rint(price * scale) / scale if scale > 0 else price


@njit(cache=True)
def distance(ranges: float, size: float, scale: float) -> float:  # pragma: no cover - compiled
    """Of so many mean true ranges, in price: whole ticks, downwards, so that a level is not a matter of rounding."""
    exact = ranges * size
    return np.floor(exact * scale + TICK_TOLERANCE) / scale if scale > 0 else exact


@njit(cache=True)
def enter(account: Floats, market: Floats, at: int, side: float, terms: Floats) -> None:  # pragma: no cover - compiled
    """Open a position of the whole equity at the open of a candle."""
    quote = market[at, OPEN] + (market[at, SPREAD] if side > 0 else 0.0)
    entry = quote + side * market[at, SLIPPAGE]
    size, scale = market[max(at - 1, 0), RANGE], terms[SCALE]  # of the candle whose close gave the order
    account[POSITION], account[ENTRY], account[AGE], account[ENTRY_AT] = side, entry, 0.0, at
    account[ENTRY_RANGE] = size
    account[BALANCE] += np.log1p(-terms[COMMISSION])
    account[SIDES] += 1
    account[STOP] = 0.0 if side > 0 else np.inf
    account[TAKE] = np.inf if side > 0 else 0.0
    if terms[STOP_RANGES] > 0:  # an order carries its stop and take, so they are measured from the price it was sent at
        account[STOP] = on_grid(quote - side * distance(terms[STOP_RANGES], size, scale), scale)
    if terms[TAKE_RANGES] > 0:
        account[TAKE] = on_grid(quote + side * distance(terms[TAKE_RANGES], size, scale), scale)


@njit(cache=True)
def touch(
    account: Floats, trade: Floats, market: Floats, at: int, terms: Floats, opening: bool
) -> int:  # pragma: no cover - compiled
    """Close at the stop or the take where the candle reached it, the stop first; ``opening``: its open did."""
    side = account[POSITION]
    spread = market[at, SPREAD] if side < 0 else 0.0
    first, high, low = market[at, OPEN] + spread, market[at, HIGH] + spread, market[at, LOW] + spread
    stop, take, slippage = account[STOP], account[TAKE], market[at, SLIPPAGE]
    worst, best = (low, high) if side > 0 else (high, low)
    if opening:
        worst = best = first
    noise = PRICE_NOISE * worst  # of a sum of price and spread, which the file has exactly
    if side * (worst - stop) <= noise:
        price = min(stop, first) if side > 0 else max(stop, first)
        leave(account, trade, at, price - side * slippage, BY_STOP, terms)
        return 1
    if side * (best - take) >= -noise:
        price = max(take, first) if side > 0 else min(take, first)
        leave(account, trade, at, price, BY_TAKE, terms)
        return 1
    return 0


@njit(cache=True)
def trail(account: Floats, market: Floats, at: int, terms: Floats) -> None:  # pragma: no cover - compiled
    """Move the stop at the close of a candle, never back."""
    side, size, scale = account[POSITION], account[ENTRY_RANGE], terms[SCALE]
    close = market[at, CLOSE] + (market[at, SPREAD] if side < 0 else 0.0)
    stop = account[STOP]
    if terms[TRAIL_RANGES] > 0:
        moved = on_grid(close - side * distance(terms[TRAIL_RANGES], size, scale), scale)
        stop = max(stop, moved) if side > 0 else min(stop, moved)
    least = distance(terms[BREAK_EVEN_RANGES], size, scale) - (0.5 / scale if scale > 0 else 0.0)
    if terms[BREAK_EVEN_RANGES] > 0 and side * (close - account[ENTRY]) >= least:
        even = on_grid(account[ENTRY], scale)
        stop = max(stop, even) if side > 0 else min(stop, even)
    account[STOP] = stop


@njit(cache=True)
def live(
    account: Floats, trades: Floats, market: Floats, at: int, order: float, terms: Floats
) -> int:  # pragma: no cover - compiled
    """Live through candle ``at``, at whose open ``order`` (-1, 0, 1) is there; return how many trades ended.

    At the open: a stop or take that it is beyond, what else is to be closed, then what is to be opened. Then the stop
    or the take, then the horizon at the close, then the stop is moved. ``trades`` (2 or more, 8) get what ended.
    """
    ended = 0
    if account[POSITION] != 0:
        ended += touch(account, trades[ended], market, at, terms, True)
    if account[POSITION] != 0:
        overdue = terms[AT_OPEN] > 0 and terms[HORIZON] > 0 and account[AGE] >= terms[HORIZON]
        unwanted = terms[FOLLOW] > 0 and order != account[POSITION]
        if overdue or unwanted:
            price = exit_price(account[POSITION], market[at, OPEN], market, at)
            leave(account, trades[ended], at, price, BY_HORIZON if overdue else BY_ORDER, terms)
            ended += 1
    if account[POSITION] == 0 and order != 0:
        enter(account, market, at, order, terms)
    if account[POSITION] != 0:
        account[AGE] += 1
        ended += touch(account, trades[ended], market, at, terms, False)
    if account[POSITION] != 0 and 0 < terms[HORIZON] <= account[AGE] and terms[AT_OPEN] == 0:
        price = exit_price(account[POSITION], market[at, CLOSE], market, at)
        leave(account, trades[ended], at, price, BY_HORIZON, terms)
        ended += 1
    if account[POSITION] != 0:
        trail(account, market, at, terms)
    mark(account, market, at)
    return ended
