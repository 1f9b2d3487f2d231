"""``natron backup`` and ``natron restore``: the broker's state and bundles in one file."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from natron.commands.options import Assignments, Broker, Config
from natron.environment import open_system, read_settings

_File = typer.Argument(metavar="FILE")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(write)
    app.command("restore")(read_back)


def write(file: Path = _File, config: Config = None, assignments: Assignments = None, broker: Broker = None) -> None:
    """Write candles, rows, predictions, outcomes, acks, positions and bundles to a file, while the system runs."""
    from natron.backup import backup
    from shared.broker import broker_ms

    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    report = backup(client, names, file, broker_ms(client))
    print(f"{file}: {report.keys:,} keys, {file.stat().st_size / 1e6:,.1f} MB")


def read_back(
    file: Path = _File, config: Config = None, assignments: Assignments = None, broker: Broker = None
) -> None:
    """Bring a backup back into an empty broker, before the services are started."""
    from natron.backup import restore

    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    report = restore(client, names, file)
    when = datetime.fromtimestamp(report.at_ms / 1_000, UTC)
    print(f"restored: {report.keys:,} keys as of {when:%Y-%m-%d %H:%M:%S} UTC; producers send what came since")
