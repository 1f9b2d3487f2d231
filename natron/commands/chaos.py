"""A replay during which everything goes wrong, compared with one during which nothing does."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from natron.commands.options import Assignments, Config, Json, Symbol, Timeframe, Zone
from natron.environment import read_settings
from shared.contracts import Series

if TYPE_CHECKING:
    from natron.chaos.report import ChaosReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chaos")(chaos)


def chaos(
    symbol: Symbol,
    timeframe: Timeframe,
    csv: Path = typer.Option(..., "--csv", help="an export of candles to replay"),
    tz: Zone = None,
    kills: int = typer.Option(20, "--kills", min=0, help="services killed; other faults are as many as fit to it"),
    seed: int = typer.Option(0, "--seed", help="what happens to whom and when: the same seed draws the same"),
    faults: str | None = typer.Option(
        None, "--faults", help="of kill,pause,broker,oom,readonly,duplicate,late,garbage; default: all"
    ),
    cluster: bool = typer.Option(False, "--cluster", help="disturb a cluster of six nodes instead of one server"),
    log: Path | None = typer.Option(None, "--log", help="file for what the services say; default: nowhere"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Kill, pause, starve and pester a system during a replay; its predictions must not show it."""
    from natron.chaos.request import FAULTS, ChaosRequest
    from natron.chaos.run import run_chaos
    from shared.log import configure_log

    values = read_settings(config, assignments)
    configure_log("chaos", "ERROR")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # unwinds, so that nothing is left behind
    chosen = tuple(faults.split(",")) if faults is not None else FAULTS
    request = ChaosRequest(csv, Series(symbol, timeframe), tz, kills, seed, chosen, cluster)
    with Path(log or os.devnull).open("wb") as output:
        report = run_chaos(request, values, _say, output)
    print(json.dumps(report.document())) if as_json else _print(report)
    raise typer.Exit(0 if report.sound else 1)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(report: "ChaosReport") -> None:
    document = report.document()
    injected = document.pop("injected")
    for name, value in document.items():
        print(f"{name:<18}{_shown(value)}")
    print("injected")
    for name, value in injected.items():
        print(f"  {name:<18}{_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {count}" for name, count in sorted(value.items())) or "none"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
