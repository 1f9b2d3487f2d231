"""Candles in."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from natron.commands.options import (
    Assignments,
    Broker,
    Columns,
    Config,
    DateOrder,
    Day,
    Decimal,
    Json,
    Member,
    Points,
    Stamps,
    Symbol,
    Timeframe,
    Zone,
    read_options,
)
from natron.environment import find_system, read_settings
from shared.contracts import Series
from shared.errors import InputError

app = typer.Typer(help="Candles in: replay a file as if it were live.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Candles in: replay a file as if it were live."""


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
        read_options(tz, None, date_order, decimal, columns, date, points, stamps, member),
        speed=_speed(speed),
        from_ms=_moment("--from", start),
        to_ms=_moment("--to", end),
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


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError("--speed", text, "must be a number or max", "say --speed 60 for a minute a second") from None


def _moment(option: str, text: str | None) -> int | None:
    """Epoch ms of a time given on the command line; no zone means UTC."""
    if text is None or text.isdecimal():
        return int(text) if text else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        mend = "write 2024-01-31 or 2024-01-31T09:00+02:00"
        raise InputError(option, text, "is not an ISO 8601 time or epoch ms", mend) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


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
