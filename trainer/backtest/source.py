"""The file of a backtest: closed candles, their spread, and which of them the bundle has not learned from."""

from dataclasses import dataclass

import numpy as np

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import Manifest
from producer.history import read_history
from shared.contracts import WINDOW, Candles, Series, encode_symbol
from shared.errors import InputError
from trainer.backtest.market import BPS, Charge, Market, price_scale
from trainer.backtest.request import BacktestRequest
from trainer.costs import round_trip_costs
from trainer.splits import Span

FEWEST = WINDOW  # candles; fewer show nothing


@dataclass(frozen=True)
class Source:
    """A series as the engine takes it. ``notes``: what was assumed, a sentence each."""

    series: Series
    candles: Candles
    market: Market
    notes: tuple[str, ...]


def read_source(request: BacktestRequest) -> Source:
    """Read the file of a request.

    Raises
    ------
    InputError
        It cannot be read, or holds too few candles.
    """
    spec = request.csv
    symbol = spec.symbol or spec.path.stem.split("_")[0]
    encode_symbol(symbol)
    found = read_history(spec.path, spec.timeframe, spec.tz)
    count = len(found.candles) - (not request.last_closed)
    candles = found.candles[:count]
    if count < FEWEST:
        raise InputError("csv", str(spec.path), f"holds fewer than {FEWEST} closed candles", "give a longer history")
    notes = []
    if found.report.tz_source == "assumed":
        notes.append("no zone given and none in the stamps, read as UTC")
    settings = request.settings
    if request.spread is not None:
        spread = request.spread.of(candles["o"])
    else:
        known = found.spread[:count] if found.spread is not None and found.spread_in_price else None
        spread = round_trip_costs(candles, known, settings.labels.cost_bps) * candles["c"]
        if known is None or not (known > 0).any():
            notes.append(f"no spread in the file, {settings.labels.cost_bps:g} bps taken (labels.cost_bps)")
    slippage = request.slippage or Charge(share=settings.backtest.slippage_bps * BPS)
    commission = request.commission or Charge(share=settings.backtest.commission_bps * BPS)
    scale = price_scale(candles[: FEATURE_SET.lookback])  # none is traded yet: what comes later changes no trade
    market = Market.of(candles, spread, slippage, commission.share, scale)
    return Source(Series(symbol, found.report.timeframe), candles, market, tuple(notes))


def first_unseen(manifest: Manifest, key: str) -> int:
    """Open time, UTC epoch ms, from which on no training or choice of this bundle has seen candles.

    The first test candle of that series; of one that the bundle does not know, what is later than all of its data.
    """
    tests = [split.test.first for split in manifest.splits if split.series == key]
    return tests[0] if tests else max((record.last for record in manifest.data), default=0) + 1


def unseen(manifest: Manifest, source: Source) -> Span:
    """Candles that no training or choice of this bundle has seen."""
    times = source.market.times
    return Span(int(np.searchsorted(times, first_unseen(manifest, source.series.key))), len(times))


def chosen_span(request: BacktestRequest, manifest: Manifest, source: Source) -> tuple[Span, bool]:
    """Candles to trade on, and whether all of them are unseen.

    Raises
    ------
    InputError
        Too few are unseen, and ``everything`` is not asked for.
    """
    span = unseen(manifest, source)
    if request.everything:
        return Span(0, len(source.market)), span.start == 0
    if len(span) < FEWEST:
        found = f"{len(span)} candles of {source.series.key}"
        rule = f"are after what bundle {manifest.id} was trained on, of at least {FEWEST}"
        raise InputError("csv", found, rule, "give a newer file, or --all, which marks the result in-sample")
    return span, True
