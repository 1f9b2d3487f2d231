"""Signals as a client of the bridge receives them."""

import json
import signal
import threading
from pathlib import Path

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import find_system, read_settings
from natron.run_file import read_run_file


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("signals")(signals)


def signals(
    symbol: str | None = typer.Option(None, "--symbol", help="only this one; default: all"),
    count: int | None = typer.Option(None, "--count", min=1, help="stop after so many"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Print signals as they arrive over ZeroMQ, after a snapshot of the newest of each series."""
    from bridge.client import SignalClient
    from bridge.events import Resynchronised, Signal
    from bridge.keys import load_keys
    from bridge.listener import Addresses
    from natron.commands.predictions import line_of
    from shared.log import configure_log

    settings = read_settings(config, assignments, system__broker_url=broker)
    if read_run_file() is not None or not settings.bridge.keys:  # else a bridge elsewhere, of which all is said
        settings = find_system(settings)
    configure_log("signals", settings.system.log_level)
    addresses = Addresses(settings.bridge.signals_bind, settings.bridge.requests_bind)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    printed = 0
    keys = load_keys(Path(settings.bridge.keys))
    with SignalClient(addresses, keys, symbol=symbol, stop=stop, security=settings.bridge.security) as client:
        for event in client.events():
            if isinstance(event, Signal):
                document = event.document
                print(
                    json.dumps(document) if as_json else f"{event.origin.value:<9}{line_of(document)}",
                    flush=True,
                )
                printed += 1
                if printed == count:
                    return
            elif isinstance(event, Resynchronised) and not as_json:
                print(f"-- in step with the bridge ({event.cause.value}), session {event.session}", flush=True)
