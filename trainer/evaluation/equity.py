"""What trading on the win heads would have made on the test split, costs included."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from shared.settings.learning import BacktestSettings
from trainer.backtest.backtest import baseline_orders
from trainer.backtest.engine import Exits, simulate
from trainer.backtest.figures import Figures, candles_a_year, measure
from trainer.backtest.market import BPS, Charge, Floats, Market
from trainer.backtest.rules import Rule
from trainer.backtest.signals import Signals
from trainer.chunks import LabelledSeries
from trainer.evaluation.bootstrap import Interval, Resamples, interval
from trainer.evaluation.predictions import MODEL, column, rows_of_series

COST_TIMES = (0.0, 1.0, 2.0)
RULE = "expected_value"


@dataclass(frozen=True)
class EquityCurve:
    """One series traded by the rule ``expected_value``; orders are those at the real costs."""

    series: str
    times: np.ndarray  # (N,) UTC epoch ms
    log_equity: Mapping[float, Floats]  # what costs are multiplied by -> (N,), 0 at the start
    figures: Mapping[float, Figures]
    sharpe: Mapping[float, Interval]  # annual, moving blocks of candles
    hold: Figures
    persistence: Figures

    def document(self) -> dict[str, object]:
        """JSON-able: all but the curves."""
        return {
            "series": self.series,
            "rule": RULE,
            "costs": {
                f"{times:g}": {
                    **asdict(found),
                    "sharpe_low": self.sharpe[times].low,
                    "sharpe_high": self.sharpe[times].high,
                }
                for times, found in self.figures.items()
            },
            "baselines": {"hold": asdict(self.hold), "persistence": asdict(self.persistence)},
        }


def trade(
    table: pd.DataFrame,
    series: LabelledSeries,
    settings: BacktestSettings,
    horizon: int,
    trials: int,
    resamples: tuple[int, int],
) -> EquityCurve:
    """Trade one series' test split on what the model (seed 0) said of long_win and short_win.

    Parameters
    ----------
    horizon
        Candles a trade is held, that of the win heads.
    trials
        Models and settings that were tried, for the deflated Sharpe ratio.
    resamples
        (block, count) of the bootstrap of the Sharpe ratio.
    """
    span = series.splits.test
    candles = series.candles[span.start : span.stop]
    spread = series.costs[span.start : span.stop] * candles["c"]
    market = Market.of(candles, spread, Charge(share=settings.slippage_bps * BPS), settings.commission_bps * BPS)
    heads = {head: _probability(table, series.key, head, candles["t"]) for head in ("long_win", "short_win")}
    signals = Signals(heads, np.zeros(len(candles), np.int64))
    exits = Exits(horizon)
    orders = Rule(RULE, settings, horizon).orders(signals, market)
    year = candles_a_year(market, int(np.diff(market.times).min()))
    outcomes = {times: simulate(market.costing(times), orders, exits) for times in COST_TIMES}
    baselines = {name: simulate(market, *how) for name, how in baseline_orders(market, horizon).items()}
    return EquityCurve(
        series=series.key,
        times=market.times,
        log_equity={times: found.equity for times, found in outcomes.items()},
        figures={times: measure(market, found, trials, year) for times, found in outcomes.items()},
        sharpe={times: _sharpe(found.equity, year, *resamples) for times, found in outcomes.items()},
        hold=measure(market, baselines["hold"], 1, year),
        persistence=measure(market, baselines["persistence"], 1, year),
    )


def _probability(table: pd.DataFrame, key: str, head: str, times: np.ndarray) -> Floats:
    """(N,) the model's probability of a win at each candle, NaN where the table has none."""
    rows = rows_of_series(table, key, head)
    found: Floats = rows.set_index("t")[column(MODEL, 1)].reindex(times).to_numpy(np.float64)
    return found


def _sharpe(equity: Floats, year: float, block: int, count: int) -> Interval:
    changes = np.diff(equity, prepend=0.0)

    def ratio(weights: Floats) -> float:
        mean = weights @ changes / weights.sum()
        spread = np.sqrt(weights @ (changes - mean) ** 2 / weights.sum())
        return float(mean / spread * np.sqrt(year)) if spread > 0 else 0.0

    draws = Resamples((len(changes),), block, count)
    return interval(ratio(np.ones(len(changes))), [ratio(weights) for weights in draws.weights()])
