"""Candles in."""

import json
import sys
from pathlib import Path
from typing import Any

import typer

from natron.commands.options import (
    Assignments,
    Broker,
    Columns,
    Config,
    DateOrder,
    Decimal,
    Exchange,
    Json,
    Symbol,
    Timeframe,
    Zone,
    read_moment,
    read_options,
)
from natron.environment import find_system, read_settings
from shared.contracts import Series
from shared.errors import InputError

app = typer.Typer(help="Candles in: from a file as if it were live, or from an exchange.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Candles in: from a file as if it were live, or from an exchange."""


@app.command()
def replay(
    symbol: Symbol,
    timeframe: Timeframe,
    csv: Path = typer.Option(..., "--csv", help="an export of candles"),
    tz: Zone = None,
    date_order: DateOrder = None,
    decimal: Decimal = None,
    columns: Columns = None,
    speed: str = typer.Option("max", "--speed", help="times real time, or max"),
    start: str | None = typer.Option(None, "--from", help="first open time, ISO 8601 or epoch ms, UTC"),
    end: str | None = typer.Option(None, "--to", help="open time to stop before"),
    name: str | None = typer.Option(None, "--as", help="file the candles under this symbol"),
    source: str = typer.Option("csv", "--source", help="name of the producer; producers of one name are one source"),
    last_closed: bool = typer.Option(False, "--last-closed", help="the file's last row is a closed candle too"),
    limit: int | None = typer.Option(None, "--limit", min=1, help="only the first so many candles"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Replay a file into the running system; safe to run twice or again after a kill."""
    from producer.replay import Replay
    from producer.replay_request import ReplayRequest
    from shared.admission import Admission, AdmissionLimits
    from shared.broker import connect
    from shared.clock import SystemClock
    from shared.dead_letters import DEAD_KEEP
    from shared.log import configure_log
    from shared.names import Names

    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    configure_log("producer", settings.system.log_level)
    request = ReplayRequest(
        csv,
        Series(name or symbol, timeframe),
        read_options(tz, None, date_order, decimal, columns),
        speed=_speed(speed),
        from_ms=read_moment("--from", start),
        to_ms=read_moment("--to", end),
        last_closed=last_closed,
        limit=limit,
        source=source,
        batch=settings.producer.batch,
    )
    clock, system = SystemClock(), settings.system
    limits = AdmissionLimits(system.max_backlog, system.reject_keep, DEAD_KEEP)
    admission = Admission(connect(system.broker_url), Names(system.namespace), clock, limits)
    report = Replay(admission, clock, request, None if as_json else _progress).run().document()
    print(json.dumps(report)) if as_json else _print(report)


@app.command("exchange")
def feed_exchange(
    exchange: Exchange,
    timeframe: Timeframe,
    symbol: list[str] = typer.Option(..., "--symbol", help="ccxt's name of a market, BTC/USDT; may be given often"),
    name: list[str] | None = typer.Option(None, "--as", help="file a market under this symbol; one for each --symbol"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Feed an exchange's closed candles, live, into the running system until stopped."""
    from feature_service.feature_set import FEATURE_SET
    from producer.exchange.request import FeedRequest
    from producer.exchange.service import run
    from shared.contracts import WINDOW

    if name and len(name) != len(symbol):
        raise InputError("--as", name, f"must be given once for each of {len(symbol)} --symbol", "give all, or none")
    markets = {market: Series(known, timeframe) for market, known in zip(symbol, name or symbol, strict=True)}
    request = FeedRequest(exchange, markets, FEATURE_SET.lookback + WINDOW)
    run(find_system(read_settings(config, assignments, system__broker_url=broker)), request)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError("--speed", text, "must be a number or max", "say --speed 60 for a minute a second") from None


def _progress(rows: int, fraction: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{rows:,} rows, {fraction:.0%} of the file", end="", file=sys.stderr, flush=True)


def _print(report: dict[str, Any]) -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
    refused = report.pop("refused")
    for name, value in report.items():
        print(f"{name:<15}{value:>10,}" if isinstance(value, int) else f"{name:<15}{value:>10}")
    print(f"{'refused':<15}{refused['count']:>10,}")
    for reason, found in refused["reasons"].items():
        for one in found["examples"]:
            print(f"  line {one['line']}: {one['field']} = {one['value']!r}: {reason}: {found['rule']}")
