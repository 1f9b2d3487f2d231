"""A backtest from request to report: the rule, what it must beat, and the same with other costs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference_worker.bundle import Bundle, Manifest
from inference_worker.policy import PolicySession
from shared.errors import InputError
from trainer.backtest.delivery import delivered
from trainer.backtest.engine import Exits, Orders, Outcome, simulate
from trainer.backtest.figures import Figures, candles_a_year, measure
from trainer.backtest.following import FOLLOWED, follow
from trainer.backtest.market import BPS, CLOSE, Floats, Market
from trainer.backtest.placebo import percentile, random_results
from trainer.backtest.request import BacktestRequest
from trainer.backtest.rules import Rule, persistence_orders
from trainer.backtest.signals import Signals, read_signals
from trainer.backtest.source import Source, chosen_span, read_source

COST_TIMES = (0.0, 1.0, 2.0)

Trader = Callable[[Market], Outcome]


@dataclass(frozen=True)
class Placebo:
    """The same trades at random times: log-equity of the draws, and the share of them that the rule beats."""

    draws: int
    percentile: float
    low: float  # 5 %
    median: float
    high: float  # 95 %


@dataclass(frozen=True)
class BacktestReport:
    """Everything a backtest found.

    Attributes
    ----------
    unseen
        No candle was used to train the bundle.
    by_costs
        What costs are multiplied by -> the rule's figures. Orders are those at the real costs.
    baselines
        ``flat``, ``hold``, ``persistence`` -> figures at the real costs.
    """

    bundle: str
    series: str
    rule: str
    unseen: bool
    market: Market
    outcome: Outcome
    by_costs: dict[float, Figures]
    baselines: dict[str, Figures]
    placebo: Placebo
    cost_bps: float
    trials: int
    exits: Exits
    notes: tuple[str, ...]

    @property
    def figures(self) -> Figures:
        """Of the rule at the real costs."""
        return self.by_costs[1.0]

    def document(self) -> dict[str, Any]:
        """JSON-able: all but trades and curve."""
        return {
            "bundle": self.bundle,
            "series": self.series,
            "rule": self.rule,
            "sample": "out-of-sample" if self.unseen else "IN-SAMPLE",
            "first": int(self.market.times[0]),
            "last": int(self.market.times[-1]),
            "round_trip_bps": self.cost_bps,
            "trials": self.trials,
            "exits": asdict(self.exits),
            "figures": {f"costs x {times:g}": asdict(found) for times, found in self.by_costs.items()},
            "baselines": {name: asdict(found) for name, found in self.baselines.items()},
            "placebo": asdict(self.placebo),
            "notes": list(self.notes),
        }


def run_backtest(request: BacktestRequest) -> BacktestReport:
    """Read, predict, trade and compare.

    Raises
    ------
    InputError
        The file, the rule on this bundle, or too few unseen candles.
    BundleError
        The bundle is broken or for other features.
    """
    bundle = request.bundle
    check_rule(request.rule, bundle.manifest)
    source = read_source(request)
    span, clean = chosen_span(request, bundle.manifest, source)
    signals = read_signals(bundle, source.candles, source.series.width_ms, request.settings.inference)
    signals, market = signals.cut(span.start, span.stop), source.market.cut(span.start, span.stop)
    trader, exits = _trader(request, bundle, signals, market, source.series.width_ms)
    return _compare(request, bundle.manifest, source, (market, clean), trader, exits)


def _compare(
    request: BacktestRequest,
    manifest: Manifest,
    source: Source,
    sample: tuple[Market, bool],
    trader: Trader,
    exits: Exits,
) -> BacktestReport:
    """Trade at three levels of costs and put the baselines beside it."""
    market, clean = sample
    year = candles_a_year(source.market, source.series.width_ms)
    outcomes = {times: trader(market.costing(times)) for times in COST_TIMES}

    def figures(outcome: Outcome, trials: int = 1) -> Figures:
        return measure(market, outcome, trials, year)

    baselines = baseline_orders(market, exits.horizon or win_horizon(manifest))
    return BacktestReport(
        bundle=manifest.id,
        series=source.series.key,
        rule=request.rule,
        unseen=clean,
        market=market,
        outcome=outcomes[1.0],
        by_costs={times: figures(found, request.trials) for times, found in outcomes.items()},
        baselines={name: figures(simulate(market, *how)) for name, how in baselines.items()},
        placebo=_placebo(market, outcomes[1.0], request),
        cost_bps=float(np.median(market.round_trip() / market.table[:, CLOSE])) / BPS,
        trials=request.trials,
        exits=exits,
        notes=source.notes,
    )


def baseline_orders(market: Market, horizon: int) -> dict[str, tuple[Orders, Exits]]:
    """What needs no model: orders and exits of staying flat, buying and holding, and repeating what just won."""
    nothing = np.zeros(len(market), np.int8)
    return {
        "flat": (nothing, Exits(horizon)),
        "hold": (nothing + np.int8(1), Exits(0)),
        "persistence": (persistence_orders(market, horizon), Exits(horizon)),
    }


def check_rule(rule: str, manifest: Manifest) -> None:
    """Refuse a rule that the bundle cannot answer; InputError."""
    if rule == "policy" and manifest.policy is None:
        mend = "use another rule, or a bundle trained with the phase rl"
        raise InputError("rule", rule, f"needs a policy, which bundle {manifest.id} lacks", mend)
    if rule == "expected_value" and "long_win" not in manifest.heads:
        rule_text = f"needs the heads long_win and short_win, which bundle {manifest.id} lacks"
        raise InputError("rule", rule, rule_text, "use --rule direction or setup, or another bundle")


def _trader(
    request: BacktestRequest, bundle: Bundle, signals: Signals, market: Market, width_ms: int
) -> tuple[Trader, Exits]:
    horizon = win_horizon(bundle.manifest)
    exits = request.exits or Exits(horizon)
    if request.rule == "policy" and request.policy_exits:
        policy, embedding = PolicySession(bundle, request.settings.inference.threads), signals.embedding
        assert embedding is not None
        allowed = signals.reasons == 0
        return lambda priced: follow(priced, embedding, policy, policy.record.horizon, allowed), FOLLOWED
    entries = Rule(request.rule, request.settings.backtest, horizon).orders(signals, market)
    orders = delivered(entries, signals, market, width_ms, request.settings.backtest.max_age_s)
    return lambda priced: simulate(priced, orders, exits), exits


def win_horizon(manifest: Manifest) -> int:
    """Candles that the win heads look ahead; of a bundle without them the default."""
    return manifest.labels["long_win"].horizon if "long_win" in manifest.labels else Exits().horizon


def _placebo(market: Market, outcome: Outcome, request: BacktestRequest) -> Placebo:
    draws = request.settings.backtest.placebo_draws
    results: Floats = random_results(market, outcome.trades, draws, request.settings.training.seed)
    low, median, high = np.quantile(results, [0.05, 0.5, 0.95]).tolist()
    return Placebo(draws, percentile(float(outcome.equity[-1]), results), low, median, high)
