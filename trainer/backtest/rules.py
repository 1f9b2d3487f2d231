"""Entry rules: from what a client reads of a prediction to an order. docs/backtest.md says them in words."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from shared.contracts import DIRECTIONS
from shared.errors import InputError
from shared.settings.learning import BacktestSettings
from trainer.backtest.engine import Orders
from trainer.backtest.market import CLOSE, OPEN, RANGE, Floats, Market
from trainer.backtest.signals import Signals

RuleName = Literal["expected_value", "direction", "setup", "policy"]
RULES: tuple[str, ...] = get_args(RuleName)

_NEEDS = {"expected_value": ("long_win", "short_win"), "direction": ("direction",), "setup": ("buy", "sell")}
_UP, _DOWN = DIRECTIONS.index("up"), DIRECTIONS.index("down")

MOVE_FACTOR = math.pi / 4
"""Of the mean true range, the root of the horizon and the difference of the two win probabilities: the expected move.

For a move X ~ N(m, s^2) over h candles, P(X > c) - P(X < -c) is 2 m / (s sqrt(2 pi)) to first order, whatever the cost
c of the labels; of a random walk with candles of standard deviation s / sqrt(h), the mean range is sqrt(8 / pi) times
that. So m = (pi / 4) * sqrt(h) * range * (long_win - short_win).
"""


@dataclass(frozen=True)
class Rule:
    """An entry rule and its thresholds; ``win_horizon`` is that of the bundle's win heads, in candles."""

    name: str
    settings: BacktestSettings
    win_horizon: int

    def orders(self, signals: Signals, market: Market) -> Orders:
        """(N,) the order at each candle's close; none where a reason forbids it.

        Raises
        ------
        InputError
            The bundle has no such head or no policy, or there is no such rule.
        """
        if self.name == "policy":
            if signals.actions is None:
                raise InputError("rule", self.name, "needs a policy", "use another rule, or a bundle trained with rl")
            return permitted(signals.actions, signals)
        if self.name not in _NEEDS:
            raise InputError("rule", self.name, "is no rule", f"use one of {', '.join(RULES)}")
        missing = [head for head in _NEEDS[self.name] if head not in signals.heads]
        if missing:
            rule = f"needs the heads {', '.join(missing)}, which the bundle lacks"
            raise InputError("rule", self.name, rule, "use --rule direction or setup, or a newer bundle")
        with np.errstate(invalid="ignore"):
            wanted = _RULES[self.name](self, signals, market)
        return permitted(wanted, signals)

    def expected_value(self, signals: Signals, market: Market) -> Orders:
        """Long or short where the expected move exceeds ``edge`` times the round trip at the next open."""
        difference = signals.heads["long_win"] - signals.heads["short_win"]
        move = MOVE_FACTOR * math.sqrt(self.win_horizon) * market.table[:, RANGE] * difference
        cost = np.append(market.round_trip()[1:], np.inf)  # of the quote that the order would meet
        return np.where(np.abs(move) > self.settings.edge * cost, np.sign(move), 0).astype(np.int8)

    def direction(self, signals: Signals, _: Market) -> Orders:
        """Up or down, where it is more probable than both others and probable enough."""
        probabilities = signals.heads["direction"]
        enough = probabilities.max(1) >= self.settings.min_direction_prob
        return np.where(enough, clear_direction(probabilities), 0).astype(np.int8)

    def setup(self, signals: Signals, _: Market) -> Orders:
        """The side whose setup is probable enough, where the other's is not."""
        buy = signals.heads["buy"] >= self.settings.min_setup_prob
        sell = signals.heads["sell"] >= self.settings.min_setup_prob
        return (buy.astype(np.int8) - sell.astype(np.int8)).astype(np.int8)


_RULES = {"expected_value": Rule.expected_value, "direction": Rule.direction, "setup": Rule.setup}


def clear_direction(probabilities: Floats) -> Orders:
    """(N,) the side that is more probable than both other directions (N, 3); 0 where none is, or NaN stands there."""
    up, down = probabilities[:, _UP], probabilities[:, _DOWN]
    neutral = probabilities[:, DIRECTIONS.index("neutral")]
    rises = (up > np.maximum(down, neutral)).astype(np.int8)
    return rises - (down > np.maximum(up, neutral)).astype(np.int8)


def permitted(orders: Orders, signals: Signals) -> Orders:
    """(N,) the orders, 0 where the prediction carries a reason not to trade."""
    return np.where(signals.reasons == 0, orders, 0).astype(np.int8)


def persistence_orders(market: Market, horizon: int) -> Orders:
    """(N,) the side of the newest trade over ``horizon`` candles that is resolved at each close: what won goes on."""
    table, out = market.table, np.zeros(len(market), np.int8)
    if len(market) < horizon:
        return out
    entered, left = table[: len(table) - horizon + 1, OPEN], table[horizon - 1 :, CLOSE]
    cost: Floats = market.round_trip()[: len(entered)]
    out[horizon - 1 :] = np.where(np.abs(left - entered) > cost, np.sign(left - entered), 0)
    return out
