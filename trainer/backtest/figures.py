"""What a backtest is worth, in numbers."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from trainer.backtest.engine import Outcome
from trainer.backtest.market import Floats, Market

YEAR_MS = 365.25 * 86_400_000
EULER = 0.5772156649015329  # Euler-Mascheroni, of the expected maximum of normal draws


@dataclass(frozen=True)
class Figures:
    """One account over one market; shares unless said otherwise.

    Attributes
    ----------
    total_return, log_equity
        What 1 became, minus 1; its logarithm.
    sharpe
        Mean over standard deviation of the candles' log-equity changes, times the root of the candles a year.
    deflated_sharpe
        Probability that the true Sharpe ratio is above what the best of ``trials`` worthless rules would show
        (Bailey and Lopez de Prado 2014).
    max_drawdown
        Largest loss from an earlier peak.
    turnover
        Fills a year; each is worth the whole equity.
    hit_rate, profit_factor
        Trades that won after costs; sum of wins over sum of losses in log-equity. None without trades (or losses).
    exposure
        Candles at whose close a position was held.
    """

    candles: int
    trades: int
    total_return: float
    log_equity: float
    sharpe: float
    deflated_sharpe: float
    max_drawdown: float
    turnover: float
    hit_rate: float | None
    profit_factor: float | None
    exposure: float
    mean_trade_bps: float | None


def measure(market: Market, outcome: Outcome, trials: int, year_candles: float) -> Figures:
    """Sum up an outcome.

    Parameters
    ----------
    trials
        Rules and settings that were tried before this one was shown; 1 or more.
    year_candles
        Candles a year of this series' calendar (``candles_a_year``).
    """
    changes = np.diff(outcome.equity, prepend=0.0)
    result = outcome.trades.result
    end = float(outcome.equity[-1])
    lost = float(-result[result < 0].sum())
    some = len(result) > 0
    return Figures(
        candles=len(market),
        trades=len(result),
        total_return=math.expm1(end),
        log_equity=end,
        sharpe=_ratio(changes) * math.sqrt(year_candles),
        deflated_sharpe=deflated_sharpe(changes, trials),
        max_drawdown=max_drawdown(outcome.equity),
        turnover=outcome.sides / len(market) * year_candles,
        hit_rate=float((result > 0).mean()) if some else None,
        profit_factor=float(result[result > 0].sum()) / lost if lost else None,
        exposure=float((outcome.position != 0).mean()),
        mean_trade_bps=float(result.mean()) * 10_000 if some else None,
    )


def candles_a_year(market: Market, width_ms: int) -> float:
    """Candles that a year of this series has: as many as the history shows, its closed hours left out."""
    span_ms = int(market.times[-1] - market.times[0]) + width_ms
    return len(market) * YEAR_MS / span_ms


def max_drawdown(equity: Floats) -> float:
    """Largest share lost from an earlier peak of a log-equity curve (N,) that began at 0."""
    peak = np.maximum.accumulate(np.maximum(equity, 0.0))
    return -math.expm1(-float((peak - equity).max(initial=0.0)))


def deflated_sharpe(changes: Floats, trials: int) -> float:
    """Probability that the mean of these changes (N,) is above what the best of ``trials`` of no worth would show.

    0.5 without any change: nothing was shown.
    """
    count, spread = len(changes), float(changes.std())
    if count < 3 or not spread:
        return 0.5
    standard = (changes - changes.mean()) / spread
    skew, kurtosis = float((standard**3).mean()), float((standard**4).mean())
    ratio = _ratio(changes)
    normal = NormalDist()
    best = 0.0
    if trials > 1:  # expected maximum of that many draws
        best = (1 - EULER) * normal.inv_cdf(1 - 1 / trials) + EULER * normal.inv_cdf(1 - 1 / (trials * math.e))
    error = math.sqrt(max(1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2, 1e-12))
    return normal.cdf((ratio * math.sqrt(count - 1) - best) / error)


def _ratio(changes: Floats) -> float:
    spread = float(changes.std())
    return float(changes.mean()) / spread if spread else 0.0
