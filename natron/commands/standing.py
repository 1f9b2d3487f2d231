"""``natron status``: a live table of how the system stands."""

import json
import time
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import open_system, read_settings

if TYPE_CHECKING:
    from rich.table import Table

    from natron.standing import Standing

_LOOK_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    once: bool = typer.Option(False, "--once", help="print it once instead of every second"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
    as_json: Json = False,
) -> None:
    """Show who is alive, what waits and what was put aside, every second until Ctrl-C."""
    from rich.console import Console
    from rich.live import Live

    from feature_service.feature_set import FEATURE_SET
    from natron.standing import look

    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    set8 = FEATURE_SET.hash[:8]
    before = look(client, names, set8)
    if as_json:
        print(json.dumps(before.document))
        return
    console = Console()
    if once:
        console.print(_table(before, before))
        return
    with Live(_table(before, before), console=console, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(_LOOK_S)
                now = look(client, names, set8)
                live.update(_table(before, now), refresh=True)
                before = now
        except KeyboardInterrupt:
            pass


def _table(before: "Standing", now: "Standing") -> "Table":
    """What stands, and how fast it moved since the look before."""
    from rich.table import Table

    seconds = max(now.at_ms - before.at_ms, 1) / 1_000
    table = Table(box=None)
    for name in ("", "so far", "a second", "waiting"):
        table.add_column(name, justify="left" if not name else "right")
    waiting = {"candles": now.candles_waiting, "rows": now.rows_waiting}
    for name in ("candles", "rows", "predictions"):
        total = getattr(now, name)
        rate = (total - getattr(before, name)) / seconds
        table.add_row(name, f"{total:,}", f"{rate:,.0f}", f"{waiting[name]:,}" if name in waiting else "")
    table.add_row("series", f"{now.series:,}")
    table.add_row("dead letters, rejects", f"{now.dead:,}, {now.rejected:,}")
    for service, members in now.members.items():
        table.add_row(service, f"{len(members)} alive" if members else "nobody")
    table.add_row("champion", now.champion)
    table.add_row("halted", ", ".join(now.halted) or "nothing")
    table.add_row("drifting", ", ".join(now.drifting) or "nothing")
    memory = int(now.broker["used_memory"] or 0) / 1e6
    table.add_row("broker", f"{now.broker['redis_version']}, {memory:,.0f} MB")
    return table
