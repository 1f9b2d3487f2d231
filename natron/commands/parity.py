"""What the services publish, beside what the trainer computes."""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Config, Json, Zone
from natron.environment import read_settings

if TYPE_CHECKING:
    from natron.parity.run import ParityReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("parity")(parity)


def parity(
    csv: Path = typer.Option(..., "--csv", help="an export of candles"),
    symbol: str = typer.Option("PARITY", "--symbol", help="to file the candles under"),
    timeframe: str | None = typer.Option(None, "--timeframe", help="M1, M5, M15 ...; default: the file's own"),
    tz: Zone = None,
    log: Path | None = typer.Option(None, "--log", help="file for what the services say; default: nowhere"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Run a file through the services and through the trainer's path, and print the first difference."""
    from natron.parity.run import ParityRequest, run_parity
    from shared.log import configure_log

    values = read_settings(config, assignments)
    configure_log("parity", "ERROR")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # unwinds, so that nothing is left behind
    with Path(log or os.devnull).open("wb") as output:
        report = run_parity(
            ParityRequest(csv, symbol, timeframe, tz), values, lambda line: print(line, file=sys.stderr), output
        )
    print(json.dumps(report.document()) if as_json else _told(report))
    raise typer.Exit(0 if report.difference is None else 1)


def _told(report: "ParityReport") -> str:
    first = report.difference
    if first is None:
        return (
            f"equal: {report.rows:,} rows bit for bit, {report.predictions:,} predictions of bundle {report.bundle} "
            "within 1e-5"
        )
    opened = datetime.fromtimestamp(first.t / 1_000, UTC)
    return (
        f"first difference: candle {first.n} of {opened:%Y-%m-%d %H:%M} UTC, {first.kind} {first.name}: "
        f"service {first.service!r}, trainer {first.trainer!r}"
    )
