"""``natron doctor``: what is wrong here, and how it is mended."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import find_system, read_settings
from shared.errors import InputError

if TYPE_CHECKING:
    from natron.doctor.finding import Finding
    from shared.settings.groups import Settings

_COLOURS = {"ok": "green", "absent": "dim", "warning": "yellow", "error": "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    config: Config = None, assignments: Assignments = None, broker: Broker = None, as_json: Json = False
) -> None:
    """Look at this machine and the running system, and say how each fault is mended; exit 1 where one is an error."""
    from rich.console import Console
    from rich.table import Table

    from natron.doctor.finding import Health

    findings = list(_findings(read_settings(config, assignments, system__broker_url=broker)))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        table = Table("", "", "found", "mend", box=None, show_header=False)
        for one in findings:
            colour = _COLOURS[one.health]
            table.add_row(f"[{colour}]{one.health}[/{colour}]", one.about, one.found, one.mend)
        Console().print(table)
    if any(finding.health is Health.ERROR for finding in findings):
        raise typer.Exit(1)


def _findings(settings: "Settings") -> "Iterator[Finding]":
    from natron.doctor.finding import Finding, Health
    from natron.doctor.installation import look_at_installation
    from natron.doctor.ports import look_at_ports
    from natron.doctor.system import look_at_system
    from shared.clock import SystemClock

    yield from look_at_installation(settings)
    try:
        found = find_system(settings)
    except InputError as error:
        yield Finding("system", Health.ABSENT, "none runs, and none is named", error.mend)
    else:
        yield from look_at_system(found, SystemClock())
        yield from look_at_ports(found)
