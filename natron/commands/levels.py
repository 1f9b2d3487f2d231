"""``natron log-level``: what the processes of a running ``natron up`` write to their log."""

import os
import signal
from enum import StrEnum

import typer

from natron.run_file import read_run_file
from shared.errors import InputError

_OTHERS = {"up", "broker"}


class Level(StrEnum):
    """What can be asked for."""

    DEBUG = "debug"
    SETTING = "setting"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("log-level")(log_level)


def log_level(
    level: Level = typer.Argument(help="debug: everything; setting: system.log_level again"),
    part: str | None = typer.Option(None, "--part", help="one process alone, worker-1 say; default: every service"),
) -> None:
    """Change what the running system logs. Elsewhere: kill -USR1 PID for debug, kill -USR2 PID for back."""
    run = read_run_file()
    if run is None:
        raise InputError("log-level", "", "no `natron up` of this user is running", "send SIGUSR1 or SIGUSR2 yourself")
    pids = {name: pid for name, pid in run.pids.items() if name not in _OTHERS and part in {None, name}}
    if not pids:
        raise InputError("--part", part, "is no process of it", f"say one of {', '.join(set(run.pids) - _OTHERS)}")
    for pid in pids.values():
        os.kill(pid, signal.SIGUSR1 if level is Level.DEBUG else signal.SIGUSR2)
    print(f"{level}: {', '.join(pids)}")
