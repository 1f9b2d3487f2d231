"""What a bundle's newest outcomes of one series are worth, in the figures of ``natron evaluate``."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from archive.scoring.taught import TaughtLabels
from inference_worker.bundle import HEADS
from shared.contracts import REGIMES, SCORED_HEADS, UNRESOLVED, Candles, Outcome, Prediction, Reason
from shared.scores import Bucket, HeadScore, RegimeScore, RuleScore
from shared.settings.learning import BacktestSettings
from trainer.backtest.engine import Exits, simulate
from trainer.backtest.figures import candles_a_year, measure
from trainer.backtest.market import BPS, Charge, Floats, Market
from trainer.backtest.rules import Rule
from trainer.backtest.signals import Signals
from trainer.evaluation.figures import brier_scores, calibration_error, log_losses

BUCKETS = 10
LEAST = 2  # candles without which nothing is said

Classes = NDArray[np.int8]  # (N,)


def probabilities(head: str, predictions: Sequence[Prediction]) -> Floats:
    """(N, classes) of one head, each row of sum 1."""
    if head == "direction":
        found = np.array([one.direction_probs for one in predictions], np.float32)
    elif head == "regime":
        found = np.array([one.regime_probs for one in predictions], np.float32)
    else:
        second = np.array([_second(head, one) for one in predictions], np.float32)
        found = np.stack([1 - second, second], 1)
    whole = found.astype(np.float64)
    shares: Floats = whole / whole.sum(1, keepdims=True)
    return shares


def _second(head: str, one: Prediction) -> float:
    if head in {"buy", "sell"}:
        return one.buy_prob if head == "buy" else one.sell_prob
    return one.outlook[list(HEADS)[4:].index(head)]


def head_scores(taught: TaughtLabels, outcomes: Sequence[Outcome]) -> dict[str, HeadScore]:
    """Figures of every head of a bundle whose label is known for at least ``LEAST`` candles."""
    found = {}
    for head in taught.heads:
        case = _Case(head, outcomes)
        if len(case.labels) >= LEAST:
            found[head] = HeadScore(
                horizon=taught.labels.settings.horizons[head],
                candles=len(case.labels),
                accuracy=float(case.right.mean()),
                persistence=float(case.persistent.mean()),
                log_loss=float(case.losses.mean()),
                brier=float(case.brier.mean()),
                ece=calibration_error(case.labels, case.shares),
                buckets=_buckets(case),
            )
    return found


def regime_scores(taught: TaughtLabels, outcomes: Sequence[Outcome]) -> dict[str, RegimeScore]:
    """The same outcomes by the regime that their predictions named."""
    named = [REGIMES[int(np.argmax(one.prediction.regime_probs))] for one in outcomes]
    found = {}
    for regime in REGIMES:
        own = [one for one, name in zip(outcomes, named, strict=True) if name == regime]
        cases = {head: _Case(head, own) for head in taught.heads} if own else {}
        known = {head: case for head, case in cases.items() if len(case.labels)}
        if known:
            found[regime] = RegimeScore(
                candles=len(own),
                accuracy={head: float(case.right.mean()) for head, case in known.items()},
                persistence={head: float(case.persistent.mean()) for head, case in known.items()},
                brier={head: float(case.brier.mean()) for head, case in known.items()},
            )
    return found


def mean_log_loss(heads: Sequence[str], outcome: Outcome) -> float | None:
    """Nats of one outcome, mean over the heads whose label is known; None without any."""
    cases = [_Case(head, [outcome]) for head in heads]
    losses = [float(case.losses[0]) for case in cases if len(case.losses)]
    return float(np.mean(losses)) if losses else None


class _Case:
    """One head's labelled candles, M of N."""

    def __init__(self, head: str, outcomes: Sequence[Outcome]) -> None:
        index = SCORED_HEADS.index(head)
        known = [one for one in outcomes if one.labels[index] != UNRESOLVED]
        self.labels: Classes = np.array([one.labels[index] for one in known], np.int8)
        before: Classes = np.array([one.persistence[index] for one in known], np.int8)
        self.shares = probabilities(head, [one.prediction for one in known]) if known else np.zeros((0, 2))
        self.right = self.shares.argmax(1) == self.labels
        self.persistent = before == self.labels
        self.losses = log_losses(self.labels, self.shares)
        self.brier = brier_scores(self.labels, self.shares)


def _buckets(case: _Case) -> tuple[Bucket, ...]:
    """Ten of equal width: of two classes by the second one's probability, else by that of the named class."""
    binary = case.shares.shape[1] == 2
    sure = case.shares[:, 1] if binary else case.shares.max(1)
    true = case.labels == 1 if binary else case.right
    place = np.minimum((sure * BUCKETS).astype(np.int64), BUCKETS - 1)
    return tuple(
        Bucket(
            low=at / BUCKETS,
            high=(at + 1) / BUCKETS,
            candles=int((place == at).sum()),
            mean=float(sure[place == at].mean()),
            hit_rate=float(true[place == at].mean()),
        )
        for at in np.unique(place).tolist()
    )


def rule_score(
    name: str, settings: BacktestSettings, taught: TaughtLabels, outcomes: Sequence[Outcome], candles: Candles
) -> RuleScore | None:
    """What an entry rule would have made of candles (N,) and their outcomes (N); None where a head is missing.

    As ``natron evaluate`` trades: entries at the next open, held for the win heads' horizon and left at that close, one
    position at a time, flat at the start. A prediction with a reason not to be traded (REPLAY is none here) gives no
    order.
    """
    needed = RULE_HEADS[name]
    if len(candles) < LEAST or not set(needed) <= set(taught.heads):
        return None
    horizon = taught.labels.settings.win_horizon
    spread = taught.cost * candles["c"]
    market = Market.of(candles, spread, Charge(share=settings.slippage_bps * BPS), settings.commission_bps * BPS)
    predictions = [one.prediction for one in outcomes]
    orders = Rule(name, settings, horizon).orders(_signals(needed, predictions), market)
    outcome = simulate(market, orders, Exits(horizon))
    found = measure(market, outcome, 1, candles_a_year(market, int(np.diff(market.times).min())))
    return RuleScore(
        name=name,
        trades=found.trades,
        hit_rate=found.hit_rate,
        total_return=found.total_return,
        log_equity=found.log_equity,
        mean_trade_bps=found.mean_trade_bps,
        cost_bps=taught.cost / BPS,
    )


RULE_HEADS: Mapping[str, tuple[str, ...]] = {
    "expected_value": ("long_win", "short_win"),
    "direction": ("direction",),
    "setup": ("buy", "sell"),
}


def _signals(heads: Sequence[str], predictions: Sequence[Prediction]) -> Signals:
    spoken = {head: probabilities(head, predictions) for head in heads}
    bits = np.array([one.reasons & ~Reason.REPLAY for one in predictions], np.int64)
    return Signals({head: found if head == "direction" else found[:, 1] for head, found in spoken.items()}, bits)
