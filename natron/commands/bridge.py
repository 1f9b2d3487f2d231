"""The bridge: run it, enroll its clients, send them away, and see who is there."""

import json
import shutil
from pathlib import Path

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import find_keys, find_system, read_settings
from shared.errors import InputError
from shared.settings.groups import Settings

Data = typer.Option(None, "--data", help="folder of a `natron up` that does not run now")
Name = typer.Argument(..., metavar="NAME", help="1 to 32 of A-Za-z0-9_-")

app = typer.Typer(help="Publish predictions to MetaTrader over ZeroMQ, and manage who may connect.")


@app.callback(invoke_without_command=True)
def bridge(
    context: typer.Context, config: Config = None, assignments: Assignments = None, broker: Broker = None
) -> None:
    """Publish predictions to MetaTrader over ZeroMQ until stopped, and take candles and acks from it."""
    if context.invoked_subcommand is not None:
        return
    from bridge.service import run

    run(find_system(read_settings(config, assignments, system__broker_url=broker)))


@app.command()
def enroll(
    name: str = Name,
    symbols: str = typer.Option("", "--symbols", help="that it may push, EURUSD,GBPUSD; * for any; default: none"),
    tz: str | None = typer.Option(
        None, "--tz", help="zone of its broker's server: broker-eu, broker-us or whole hours such as +02:00"
    ),
    server: str | None = typer.Option(
        None, "--server", help="broker's server: clients of one server are one source; default: the client's name"
    ),
    host: str | None = typer.Option(None, "--host", help="address at which the client finds this machine"),
    data: Path | None = Data,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Make a client's key, and the file of inputs that MetaTrader loads; again, with other options, changes them."""
    from bridge.enrolment import enroll as enroll_client
    from bridge.handout import check_inputs, write_handout

    settings, path = _place(config, assignments, data)
    listed = None if symbols.strip() == "*" else [one.strip() for one in symbols.split(",") if one.strip()]
    check_inputs(settings.bridge, host, tz)
    keys = enroll_client(path, name, listed, source=server, tz=tz, host=host)
    inputs = write_handout(_folder(path, name), keys, keys.clients[name], settings.bridge)
    print(f"{name} is enrolled and may push {'any symbol' if listed is None else ', '.join(listed) or 'no candles'}.")
    print(f"MetaTrader: load {inputs} in the inputs of NatronEA.")
    print(f"Other clients: {inputs.with_name('keys.json')} (`natron signals --set bridge.keys=FILE`).")


@app.command()
def revoke(name: str = Name, data: Path | None = Data, config: Config = None, assignments: Assignments = None) -> None:
    """Send a client away: a running bridge closes all connections, and every other client needs its new file."""
    from bridge.enrolment import revoke as revoke_client
    from bridge.handout import SET_NAME, write_handout, write_owner_inputs

    settings, path = _place(config, assignments, data)
    keys = revoke_client(path, name)
    shutil.rmtree(_folder(path, name), ignore_errors=True)
    print(f"{name} is revoked, and the bridge has another key.")
    own = path.with_name(SET_NAME)
    if own.exists():
        write_owner_inputs(path.parent, path, settings.bridge)
        print(f"MetaTrader on this machine needs its new file: {own}")
    for other in keys.clients.values():
        print(
            f"{other.name} needs its new file: {write_handout(_folder(path, other.name), keys, other, settings.bridge)}"
        )


@app.command()
def clients(
    as_json: Json = False, config: Config = None, assignments: Assignments = None, broker: Broker = None
) -> None:
    """Show who speaks to the bridges, when they were last heard, and how many lines they lacked then."""
    from rich.console import Console
    from rich.table import Table

    from bridge.presences import read_bridges
    from shared.broker import broker_ms, connect
    from shared.names import Names

    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    client = connect(settings.system.broker_url)
    found, now_ms = read_bridges(client, Names(settings.system.namespace)), broker_ms(client)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("bridge", "client", "symbol", "seen, s ago", "lag, lines", "pushes", "acks")
    for instance, document in found.items():
        for one in document["clients"]:
            lag = "" if one["lag_lines"] is None else str(one["lag_lines"])
            age_s = max(0, now_ms - one["last_seen_ms"]) // 1_000
            table.add_row(
                instance, one["client"], one["symbol"] or "*", str(age_s), lag, str(one["pushes"]), str(one["acks"])
            )
    Console().print(table)


def _place(config: Path | None, assignments: list[str] | None, data: Path | None) -> tuple[Settings, Path]:
    """Settings with the bridge's addresses, and its key file."""
    if data is not None and not data.is_dir():
        raise InputError("--data", str(data), "is no folder", "name that of `natron up`")
    return find_keys(read_settings(config, assignments), data)


def _folder(keys: Path, name: str) -> Path:
    return keys.parent / "clients" / name
