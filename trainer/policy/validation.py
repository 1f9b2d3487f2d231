"""What a policy earns on candles it did not learn from, beside a threshold on the win heads and staying flat."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from shared.settings.learning import BacktestSettings
from trainer.backtest.engine import Exits, Outcome, simulate
from trainer.backtest.following import Policy, follow
from trainer.backtest.market import Floats
from trainer.backtest.rules import Rule
from trainer.backtest.signals import Signals
from trainer.policy.arena import Ground

EDGES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Of the rule expected_value; the one that earned most on the training split stands for trading above a threshold."""


@dataclass(frozen=True)
class Earnings:
    """Several series, each an account of its own.

    Attributes
    ----------
    log_equity
        Mean over the series.
    score
        Mean over standard error of the candles' changes, in usual moves of their series: how far above staying flat.
    exposure, trades
        Share of candles in a position; trades of all series.
    """

    log_equity: float
    score: float
    exposure: float
    trades: int

    @classmethod
    def of(cls, grounds: Sequence[Ground], outcomes: Sequence[Outcome]) -> "Earnings":
        """Sum up what became of each ground's account."""
        changes: Floats = np.concatenate(
            [
                np.diff(outcome.equity, prepend=0.0) / ground.unit
                for ground, outcome in zip(grounds, outcomes, strict=True)
            ]
        )
        error = float(changes.std()) / np.sqrt(len(changes))
        return cls(
            log_equity=float(np.mean([outcome.equity[-1] for outcome in outcomes])),
            score=float(changes.mean() / error) if error > 0 else 0.0,
            exposure=float(np.concatenate([outcome.position != 0 for outcome in outcomes]).mean()),
            trades=sum(len(outcome.trades) for outcome in outcomes),
        )

    def figures(self, name: str) -> dict[str, float]:
        """For the manifest: ``name.log_equity`` and so on."""
        return {f"{name}.{field}": float(value) for field, value in asdict(self).items()}


def policy_earnings(policy: Policy, grounds: Sequence[Ground], horizon: int) -> Earnings:
    """Let a policy trade on each ground, doing what it finds most probable."""
    outcomes = [
        follow(ground.market, ground.embedding, policy, horizon, np.ones(len(ground.market), np.bool_))
        for ground in grounds
    ]
    return Earnings.of(grounds, outcomes)


def threshold_earnings(
    grounds: Sequence[Ground],
    wins: Sequence[Mapping[str, Floats]],
    settings: BacktestSettings,
    edge: float,
    horizon: int,
) -> Earnings:
    """Trade where the expected move exceeds ``edge`` times its costs; ``wins``: the win probabilities, (N,) each."""
    rule = Rule("expected_value", settings.model_copy(update={"edge": edge}), horizon)
    outcomes = []
    for ground, heads in zip(grounds, wins, strict=True):
        signals = Signals(heads, _no_reasons(len(ground.market)))
        outcomes.append(simulate(ground.market, rule.orders(signals, ground.market), Exits(horizon)))
    return Earnings.of(grounds, outcomes)


def _no_reasons(count: int) -> NDArray[np.int64]:
    return np.zeros(count, np.int64)
