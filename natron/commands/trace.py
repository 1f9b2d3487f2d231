"""One candle's way."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Broker, Config, Json, read_moment
from natron.environment import find_system, read_settings
from shared.contracts import Series

if TYPE_CHECKING:
    from natron.trace import TraceStep


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trace")(trace)


def trace(
    symbol: str = typer.Argument(help="as the broker spells it"),
    timeframe: str = typer.Argument(help="M1, M5, M15, M30, H1, H4, D1 ..."),
    time: str = typer.Argument(help="open time of the candle: ISO 8601 (UTC unless it says otherwise) or epoch ms"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Print one candle's way: admission, row, batch, prediction, bridge, with times and instances."""
    from feature_service.feature_set import FEATURE_SET
    from natron.trace import Trace
    from shared.broker import connect
    from shared.names import Names

    t = read_moment("time", time)
    series = Series(symbol, timeframe)
    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    names = Names(settings.system.namespace)
    steps = Trace(connect(settings.system.broker_url), names, FEATURE_SET.hash).steps(series, t or 0)
    if as_json:
        print(json.dumps({"id": f"{series.key}.{t}", "steps": [step.document() for step in steps]}))
        return
    began_us = steps[0].at_us
    for step in steps:
        print(_line(step, began_us))


def _line(step: "TraceStep", began_us: int | None) -> str:
    at, since = "-", ""
    if step.at_us is not None:
        at = f"{datetime.fromtimestamp(step.at_us / 1e6, UTC):%H:%M:%S.%f}"
        since = f"+{(step.at_us - began_us) / 1_000:.3f} ms" if began_us is not None else ""
    shown = "  ".join(f"{name} {_shown(value)}" for name, value in step.detail.items())
    return f"{step.name:<14}{at:<17}{since:>16}  {step.instance:<32}  {shown}".rstrip()


def _shown(value: object) -> str:
    return ",".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
