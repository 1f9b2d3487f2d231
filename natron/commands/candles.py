"""Files of candles: what one is, which calendar it shows, wider ones of it, and synthetic ones."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from natron.commands.options import (
    Assignments,
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
from natron.commands.services import need_packages
from natron.environment import read_settings

app = typer.Typer(
    help="Files of candles: inspect one, fetch from an exchange, make synthetic ones.", no_args_is_help=True
)


@app.command()
def sample(
    timeframe: Timeframe,
    out: Path = typer.Option(..., "--out", help="file to write, as MetaTrader 5 exports"),
    candles: int = typer.Option(
        10_000, "--candles", min=1, max=20_000_000, help="how many; the last closes at 2025-01-01 00:00 UTC"
    ),
    seed: int = typer.Option(1, "--seed", min=0, help="the same seed gives the same file"),
) -> None:
    """Write synthetic candles: volatility clusters, sessions, regimes, weekends and gaps."""
    from producer.sample import sample_candles, write_candles

    write_candles(sample_candles(candles, timeframe, seed), out)
    print(f"{candles:,} candles of {timeframe} in {out}")


@app.command()
def export(
    symbol: Symbol,
    timeframe: Timeframe,
    out: Path = typer.Option(..., "--out", help="file to write, .csv or .parquet"),
    first: str | None = typer.Option(None, "--from", help="first open time, ISO 8601 or epoch ms; default: the oldest"),
    last: str | None = typer.Option(None, "--to", help="last open time; default: the newest"),
    folder: str | None = typer.Option(None, "--folder", help="of the archive; default: archive.folder"),
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Write candles that `natron archive` kept, as a file that every command reads."""
    need_packages("natron candles export", "archive", "pyarrow")
    from archive.storage.export import export_candles
    from archive.storage.vault import Vault
    from shared.contracts import Series

    settings = read_settings(config, assignments, archive__folder=folder)
    bounds = read_moment("--from", first) or 0, read_moment("--to", last) or 2**62
    vault = Vault(Path(settings.archive.folder))
    count = export_candles(vault, Series(symbol, timeframe), out, *bounds)
    print(f"{count:,} candles of {symbol} {timeframe} in {out}")


@app.command()
def inspect(
    file: Path = typer.Argument(..., help="an export"),
    tz: Zone = None,
    timeframe: str | None = typer.Option(None, "--timeframe", help="default: found from the stamps"),
    date_order: DateOrder = None,
    decimal: Decimal = None,
    columns: Columns = None,
    date: Day = None,
    points: Points = None,
    stamps: Stamps = None,
    member: Member = None,
    as_json: Json = False,
) -> None:
    """Say what a file is: format, encoding, timeframe, rows, what is refused and why."""
    from producer.inspection import inspect as inspect_file

    options = read_options(tz, timeframe, date_order, decimal, columns, date, points, stamps, member)
    document = inspect_file(file, options=options).document()
    if as_json:
        print(json.dumps(document))
    else:
        _print(document)


@app.command()
def fetch(
    exchange: Exchange,
    timeframe: Timeframe,
    symbol: str = typer.Option(..., "--symbol", help="ccxt's name of the market: BTC/USDT, BTC/USDT:USDT"),
    start: str = typer.Option(..., "--from", help="first open time, ISO 8601 or epoch ms, UTC"),
    end: str | None = typer.Option(None, "--to", help="open time to stop before; default: now"),
    out: Path = typer.Option(..., "--out", help="CSV to write, or to go on with"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Fetch an exchange's closed candles into a file; run it again to go on where it stopped."""
    from random import Random

    from producer.exchange.download import Download, DownloadRequest
    from producer.exchange.venue import Venue
    from producer.exchange.venue import read_options as read_exchange_options
    from shared.clock import SystemClock
    from shared.log import configure_log

    settings = read_settings(config, assignments)
    configure_log("fetch", settings.system.log_level)
    request = DownloadRequest(symbol, timeframe, read_moment("--from", start) or 0, read_moment("--to", end), out)
    group = settings.exchange
    venue = Venue(exchange, read_exchange_options(group.options), group.timeout_s)
    download = Download(venue, request, group, SystemClock(), Random(), _progress)  # noqa: S311 - jitter is no secret
    report = download.run()
    if as_json:
        print(json.dumps(asdict(report)))
    else:
        print(f"{report.fetched:,} candles added to {out}, all closed: read it with --last-closed")


def _progress(fetched: int, t_ms: int) -> None:
    if sys.stderr.isatty():
        moment = datetime.fromtimestamp(t_ms / 1_000, UTC)
        print(f"\r{fetched:,} candles, at {moment:%Y-%m-%d %H:%M}", end="", file=sys.stderr, flush=True)


@app.command()
def resample(
    file: Path = typer.Argument(..., help="an export"),
    to: str = typer.Option(..., "--to", help="timeframe, a multiple of the file's own"),
    out: Path = typer.Option(..., "--out", help="file to write, with stamps in UTC"),
    tz: Zone = None,
    timeframe: str | None = typer.Option(None, "--timeframe", help="of the file; default: found from the stamps"),
    date_order: DateOrder = None,
    decimal: Decimal = None,
    columns: Columns = None,
    last_closed: bool = typer.Option(False, "--last-closed", help="the file ends with a whole candle"),
    sunday: bool = typer.Option(False, "--sunday", help="weeks begin on Sunday, as in MetaTrader"),
    as_json: Json = False,
) -> None:
    """Write a file's candles at a wider timeframe, on the grid of the clock that --tz names."""
    from producer.resampling import resample as resample_file

    options = read_options(tz, timeframe, date_order, decimal, columns)
    report = resample_file(file, to, out, options, last_closed=last_closed, sunday=sunday)
    if as_json:
        print(json.dumps(report))
    else:
        _print(report | {"refused": report["refused"]["reasons"]})


@app.command()
def calendar(
    file: Path = typer.Argument(..., help="an export"),
    tz: Zone = None,
    timeframe: str | None = typer.Option(None, "--timeframe", help="default: found from the stamps"),
    date_order: DateOrder = None,
    decimal: Decimal = None,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Show the trading calendar that a series learns from this file, and the gaps it finds."""
    from producer.calendar_survey import survey_calendar

    survey = survey_calendar(file, read_options(tz, timeframe, date_order, decimal, columns))
    document = survey.document()
    if as_json:
        print(json.dumps(document))
        return
    for name in ("first", "fixed"):
        document[name] = _time(document[name])
    document["is_fixed"] = "yes" if survey.is_fixed else "no: nothing is a gap yet"
    document["share"] = f"{survey.share:.3%}"
    document["examples"] = [
        f"{_time(one['t'])}: {one['missing']} missing since {_time(one['after'])}" for one in survey.examples
    ]
    _print(document)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


def _print(document: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "found", show_header=False)
    for name, value in document.items():
        if name == "refused":
            total = sum(reason["count"] for reason in value.values())
            table.add_row("refused", f"{total:,}")
            for reason, found in value.items():
                lines = ", ".join(map(str, found["lines"]))
                table.add_row(f"  {reason}", f"{found['count']:,} ({found['rule']}); lines {lines}")
        elif isinstance(value, dict):
            table.add_row(name, "  ".join(f"{key} {item}" for key, item in value.items()))
        elif isinstance(value, list):
            table.add_row(name, "\n".join(map(str, value)))
        else:
            table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    Console().print(table)
