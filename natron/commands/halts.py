"""Trading stopped by hand: predictions go on, and say HALTED until it is lifted."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Broker, Config
from natron.environment import open_system, read_settings

if TYPE_CHECKING:
    import redis

    from shared.names import Names

_Symbol = typer.Argument(None, help="as the broker spells it; none: every symbol")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("halt")(halt)
    app.command("resume")(resume)


def halt(
    symbol: str | None = _Symbol,
    show: bool = typer.Option(False, "--list", help="change nothing, show what is halted"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Say HALTED with every prediction of a symbol, or of all, until `natron resume`; survives restarts."""
    from shared import delivery
    from shared.broker import broker_ms

    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    if not show:
        delivery.halt(client, names, symbol, broker_ms(client))
    _print(client, names)


def resume(
    symbol: str | None = _Symbol, config: Config = None, assignments: Assignments = None, broker: Broker = None
) -> None:
    """Lift the halt of a symbol, or every halt."""
    from shared import delivery

    client, names = open_system(read_settings(config, assignments, system__broker_url=broker))
    lifted = delivery.resume(client, names, symbol)
    print(f"lifted: {' '.join(sorted(lifted)) or 'nothing'}")
    _print(client, names)


def _print(client: "redis.Redis", names: "Names") -> None:
    from shared.contracts import decode_symbol
    from shared.delivery import EVERYTHING, halts

    standing = halts(client, names)
    for name, since in sorted(standing.items()):
        what = "every symbol" if name == EVERYTHING else decode_symbol(name)
        print(f"halted: {what}, since {datetime.fromtimestamp(since / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC")
    if not standing:
        print("halted: nothing")
