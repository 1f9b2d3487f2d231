"""Candles in."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natron.commands.options import (
    Assignments,
    Broker,
    CalendarName,
    Columns,
    Config,
    DateOrder,
    Day,
    Decimal,
    Exchange,
    Json,
    Member,
    Points,
    Stamps,
    Symbol,
    Timeframe,
    Zone,
    read_moment,
    read_options,
)
from natron.environment import find_system, read_settings
from shared.contracts import Series
from shared.errors import InputError
from shared.settings.groups import Settings

if TYPE_CHECKING:
    from producer.candle_file import Gathering
    from producer.replay_request import ReplayRequest

Speed = Annotated[str, typer.Option("--speed", help="times real time, or max")]
Source = Annotated[str, typer.Option("--source", help="name of the producer; producers of one name are one source")]

app = typer.Typer(help="Candles in: from a file of candles or ticks, or from an exchange.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Candles in: from a file of candles or ticks, or from an exchange."""


@app.command()
def replay(
    symbol: Symbol,
    timeframe: Timeframe,
    csv: Path = typer.Option(..., "--csv", help="an export of candles"),
    tz: Zone = None,
    date_order: DateOrder = None,
    decimal: Decimal = None,
    columns: Columns = None,
    date: Day = None,
    points: Points = None,
    stamps: Stamps = None,
    member: Member = None,
    resample_to: str | None = typer.Option(None, "--resample-to", help="file the candles at this wider timeframe"),
    speed: Speed = "max",
    start: str | None = typer.Option(None, "--from", help="first open time, ISO 8601 or epoch ms, UTC"),
    end: str | None = typer.Option(None, "--to", help="open time to stop before"),
    name: str | None = typer.Option(None, "--as", help="file the candles under this symbol"),
    source: Source = "csv",
    last_closed: bool = typer.Option(False, "--last-closed", help="the file's last row is a closed candle too"),
    limit: int | None = typer.Option(None, "--limit", min=1, help="only the first so many candles"),
    calendar: CalendarName = None,
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Replay a file into the running system; safe to run twice or again after a kill."""
    from producer.replay_request import ReplayRequest
    from producer.resampling import Resampled

    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    options = read_options(tz, None, date_order, decimal, columns, date, points, stamps, member)
    request = ReplayRequest(
        csv,
        Series(name or symbol, resample_to or timeframe),
        options,
        speed=_speed(speed),
        from_ms=read_moment("--from", start),
        to_ms=read_moment("--to", end),
        last_closed=last_closed,
        limit=limit,
        source=source,
        batch=settings.producer.batch,
    )
    wider = None
    if resample_to is not None:
        wider = Resampled(csv, resample_to, dataclasses.replace(options, timeframe=timeframe))
    _run(settings, request, calendar, wider, as_json=as_json)


@app.command()
def ticks(
    symbol: Symbol,
    timeframe: Timeframe,
    csv: list[Path] = typer.Option(..., "--csv", help="a file of ticks; several, in their order, are one"),
    tz: Zone = None,
    date_order: DateOrder = None,
    decimal: Decimal = None,
    columns: str | None = typer.Option(
        None, "--columns", help="what each column is: time, date, clock, bid, ask, price, volume, -"
    ),
    price: str | None = typer.Option(None, "--price", help="bid, ask, mid or trades; default: bid, if any"),
    speed: Speed = "max",
    source: Source = "csv",
    first_whole: bool = typer.Option(False, "--first-whole", help="the file begins where its first candle does"),
    last_closed: bool = typer.Option(False, "--last-closed", help="the file ends with a whole candle"),
    calendar: CalendarName = None,
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Make candles of ticks and replay them; a candle is final when a tick of a later one has come."""
    from producer.replay_request import ReplayRequest
    from producer.ticks import TickFile, TickOptions

    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    options = read_options(tz, None, date_order, decimal, None)
    said = TickOptions(price, tuple(columns.split(",")) if columns else None, first_whole=first_whole)
    request = ReplayRequest(
        csv[0],
        Series(symbol, timeframe),
        options,
        speed=_speed(speed),
        last_closed=last_closed,
        source=source,
        batch=settings.producer.batch,
    )
    _run(settings, request, calendar, TickFile(csv, timeframe, options, said), as_json=as_json)


def _run(
    settings: Settings, request: "ReplayRequest", calendar: str | None, file: "Gathering | None", *, as_json: bool
) -> None:
    """Replay and report; ``gathered`` tells what became of the rows that candles were made of."""
    from producer.replay import Replay
    from producer.watched_door import WatchedDoor
    from shared.admission import Admission, AdmissionLimits
    from shared.broker import connect
    from shared.clock import SystemClock
    from shared.log import configure_log
    from shared.metrics import ReplayMetrics
    from shared.monitor import MonitorDoor
    from shared.names import Names
    from shared.series_calendars import CalendarChoice

    clock, system = SystemClock(), settings.system
    configure_log("producer", system.log_level)
    limits = AdmissionLimits.of(system)
    client, names = connect(system.broker_url), Names(system.namespace)
    if calendar is not None:
        CalendarChoice(client, names).choose(request.series, calendar)
    metrics = ReplayMetrics()
    metrics.serve(settings.producer.metrics_port, MonitorDoor.of(system))
    door = WatchedDoor(Admission(client, names, clock, limits), metrics.readiness, metrics.candles)
    report = Replay(door, clock, request, None if as_json else _progress, file).run().document()
    if file is not None:
        report["gathered"] = file.document()
    print(json.dumps(report)) if as_json else _print(report)


@app.command("exchange")
def feed_exchange(
    exchange: Exchange,
    timeframe: Timeframe,
    symbol: list[str] = typer.Option(..., "--symbol", help="ccxt's name of a market, BTC/USDT; may be given often"),
    name: list[str] | None = typer.Option(None, "--as", help="file a market under this symbol; one for each --symbol"),
    calendar: CalendarName = None,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Feed an exchange's closed candles, live, into the running system until stopped."""
    from feature_service.feature_set import FEATURE_SET
    from producer.exchange.request import FeedRequest
    from producer.exchange.service import run
    from shared.broker import connect
    from shared.calendar import fixed_calendar
    from shared.contracts import WINDOW
    from shared.learned_calendar import LEARNED
    from shared.names import Names
    from shared.series_calendars import CalendarChoice

    if name and len(name) != len(symbol):
        raise InputError("--as", name, f"must be given once for each of {len(symbol)} --symbol", "give all, or none")
    markets = {market: Series(known, timeframe) for market, known in zip(symbol, name or symbol, strict=True)}
    request = FeedRequest(exchange, markets, FEATURE_SET.lookback + WINDOW)
    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    calendars = None
    if calendar is not None:
        choice = CalendarChoice(connect(settings.system.broker_url), Names(settings.system.namespace))
        for series in markets.values():
            choice.choose(series, calendar)
        if calendar != LEARNED:  # which only the candles to come can give: until then every silence counts
            calendars = {series: fixed_calendar(calendar, series.width_ms) for series in markets.values()}
    run(settings, request, calendars=calendars)


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
    refused, notes = report.pop("refused"), report.pop("notes")
    report |= report.pop("gathered", {})
    for name, value in report.items():
        print(f"{name:<15}{value:>10,}" if isinstance(value, int) else f"{name:<15}{value:>10}")
    print(f"{'refused':<15}{refused['count']:>10,}")
    for reason, found in refused["reasons"].items():
        for one in found["examples"]:
            print(f"  line {one['line']}: {one['field']} = {one['value']!r}: {reason}: {found['rule']}")
    for note in notes:
        print(f"note: {note}")
