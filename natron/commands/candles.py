"""Files of candles: what one is, and synthetic ones."""

import json
from pathlib import Path
from typing import Any

import typer

from natron.commands.options import (
    Columns,
    DateOrder,
    Day,
    Decimal,
    Json,
    Member,
    Points,
    Stamps,
    Timeframe,
    Zone,
    read_options,
)

app = typer.Typer(help="Files of candles: inspect one, make synthetic ones.", no_args_is_help=True)


@app.command()
def sample(
    timeframe: Timeframe,
    out: Path = typer.Option(..., "--out", help="file to write, as MetaTrader 5 exports"),
    candles: int = typer.Option(10_000, "--candles", min=1, help="how many; the last closes at 2025-01-01 00:00 UTC"),
    seed: int = typer.Option(1, "--seed", min=0, help="the same seed gives the same file"),
) -> None:
    """Write synthetic candles: volatility clusters, sessions, regimes, weekends and gaps."""
    from producer.sample import sample_candles, write_candles

    write_candles(sample_candles(candles, timeframe, seed), out)
    print(f"{candles:,} candles of {timeframe} in {out}")


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
