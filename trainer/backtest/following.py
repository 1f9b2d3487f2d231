# mypy: allow-untyped-decorators
"""A policy at work on one account: at every close it sees the embedding and its own position, and says what to hold."""

from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from inference_worker.policy import AGE_MAX, RETURN_MAX, STATE
from trainer.backtest.account import (
    ACCOUNT_SIZE,
    AGE,
    BALANCE,
    ENTRY,
    ENTRY_RANGE,
    EQUITY,
    POSITION,
    TRADE_SIZE,
    live,
    new_account,
)
from trainer.backtest.engine import Exits, Outcome, Trades, finish
from trainer.backtest.market import CLOSE, SPREAD, Floats, Market

FOLLOWED = Exits(horizon=0, follow=True)
"""A policy ends its own positions."""


class Policy(Protocol):
    """What ``inference_worker.policy.PolicySession`` offers."""

    def probabilities(self, embedding: NDArray[np.float32], state: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3) of short, flat, long, of embeddings (N, d) and states (N, 3)."""
        ...


@njit(cache=True)
def observe(
    account: Floats, market: Floats, at: int, horizon: float, state: NDArray[np.float32]
) -> None:  # pragma: no cover - compiled
    """Write the account's state (3,) at the close of candle ``at``, as ``inference_worker.policy.STATE`` says."""
    side, size = account[POSITION], account[ENTRY_RANGE]
    state[:] = 0.0
    if side == 0:
        return
    state[0] = side
    state[1] = min(account[AGE] / horizon, AGE_MAX)
    if size > 0:
        close = market[at, CLOSE] + (market[at, SPREAD] if side < 0 else 0.0)
        state[2] = min(max(side * (close - account[ENTRY]) / size, -RETURN_MAX), RETURN_MAX)


def follow(
    market: Market,
    embedding: NDArray[np.float32],
    policy: Policy,
    horizon: int,
    allowed: NDArray[np.bool_],
) -> Outcome:
    """Let a policy trade, always doing what it finds most probable.

    Parameters
    ----------
    embedding
        (N, d) at each candle.
    horizon
        Candles that the state's age is measured in.
    allowed
        (N,) whether a position may be opened on this candle's prediction; one that is open may always be closed.
    """
    table, terms = market.table, FOLLOWED.terms(market.commission)
    account, state = np.zeros(ACCOUNT_SIZE), np.zeros((1, len(STATE)), np.float32)
    new_account(account)
    trades = np.empty((2 * len(market) + 1, TRADE_SIZE))
    equity, position = np.zeros(len(market)), np.zeros(len(market), np.int8)
    flat = policy.probabilities(embedding, np.zeros((len(market), len(STATE)), np.float32)).argmax(1) - 1
    ended, order = 0, 0
    for at in range(len(market)):
        ended += live(account, trades[ended:], table, at, float(order), terms)
        equity[at], position[at] = account[EQUITY], account[POSITION]
        held = int(account[POSITION])
        if held:
            observe(account, table, at, float(horizon), state[0])
            order = int(policy.probabilities(embedding[at : at + 1], state)[0].argmax()) - 1
        else:
            order = int(flat[at])
        if order != held and not allowed[at]:
            order = 0
    if len(market):
        ended += finish(account, trades[ended:], table, len(market) - 1, terms)
        equity[-1] = account[BALANCE]
    return Outcome(Trades.of(trades[:ended]), equity, position, 2 * ended)
