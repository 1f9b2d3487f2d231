"""Bundles in the broker: pushed, promoted, rolled back and compared while workers serve."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Broker, Config, Json
from natron.environment import find_system, read_settings

if TYPE_CHECKING:
    from inference_worker.registry import Promotion, Registry

_POLL_S = 0.1
_Wait = typer.Option(0.0, "--wait", min=0, help="seconds to wait until every live worker serves it or has refused it")


def register(group: typer.Typer) -> None:
    """Add the commands to ``natron bundle``."""
    for command in (push, promote, rollback, status, compare):
        group.command(command.__name__)(command)


def push(
    folder: Path = typer.Argument(help="folder of the bundle"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Store a bundle in the broker, so that workers need no shared disk; it serves nobody yet."""
    bundle = _registry(config, assignments, broker).push(folder)
    print(f"pushed: {bundle.manifest.id}, feature set {bundle.manifest.feature_set.hash}")


def promote(
    bundle_id: str = typer.Argument(metavar="ID", help="of a bundle that was pushed"),
    wait_s: float = _Wait,
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Make a bundle the champion; workers take it over between two batches, or refuse it and serve on."""
    registry = _registry(config, assignments, broker)
    _announce(registry, registry.promote(bundle_id), wait_s)


def rollback(
    wait_s: float = _Wait, config: Config = None, assignments: Assignments = None, broker: Broker = None
) -> None:
    """Make the champion before this one the champion again."""
    registry = _registry(config, assignments, broker)
    _announce(registry, registry.rollback(), wait_s)


def status(
    config: Config = None, assignments: Assignments = None, broker: Broker = None, as_json: Json = False
) -> None:
    """Print the champion, what is in the broker, and what each worker serves, or refused and why."""
    registry = _registry(config, assignments, broker)
    line, workers = registry.line(), registry.workers()
    if as_json:
        champion = {"bundle": line.champion.bundle, "promote": line.champion.number}
        serving = {name: one.document for name, one in workers.items()}
        print(json.dumps({"champion": champion, "pushed": registry.ids, "workers": serving}))
        return
    print(f"champion: {_name(line.champion)}; before it: {', '.join(map(_name, line.past)) or 'none'}")
    print(f"pushed: {', '.join(registry.ids) or 'none'}")
    for name, one in workers.items():
        refused = f"; refused {one.refused}" if one.refused else ""
        print(f"{name}: serves {one.bundle} (promote {one.promote}){refused}")


def compare(
    champion: str = typer.Argument(help="ID of the bundle that served"),
    shadow: str = typer.Argument(help="ID of the bundle of `natron worker --shadow ID`"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
    as_json: Json = False,
) -> None:
    """Compare two bundles over the candles that both predicted: classes, probabilities, and what came true.

    Log-loss is of the labels that `natron score` has resolved, by the champion's definitions.
    """
    from inference_worker.comparison import compare as compare_logs

    registry = _registry(config, assignments, broker)
    found = compare_logs(registry.client, registry.names, champion, shadow)
    if as_json:
        print(json.dumps(found.document()))
        return
    print(f"candles: {found.both} of both, {found.only_champion} of {champion} alone, {found.only_shadow} of {shadow}")
    for head, one in found.heads.items():
        line = (
            f"{head:<16} same class {one.same / one.candles:7.2%}  distance {one.distance / one.candles:.4f} "
            f"on average, {one.farthest:.4f} at most"
        )
        if one.labelled:
            losses = f"{one.champion_loss / one.labelled:.4f} and {one.shadow_loss / one.labelled:.4f}"
            line += f"  log-loss {losses} over {one.labelled} labels"
        print(line)
    if not any(one.labelled for one in found.heads.values()):
        print("log-loss: no outcome is known yet; `natron score` resolves labels once their horizon has passed")


def _registry(config: Config, assignments: Assignments, broker: Broker) -> "Registry":
    from inference_worker.registry import Registry
    from shared.broker import connect
    from shared.names import Names

    settings = find_system(read_settings(config, assignments, system__broker_url=broker))
    return Registry(connect(settings.system.broker_url), Names(settings.system.namespace))


def _announce(registry: "Registry", promotion: "Promotion", wait_s: float) -> None:
    print(f"champion: {_name(promotion)}", flush=True)
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        workers = registry.workers().values()
        if all(one.promote >= promotion.number or f"(promote {promotion.number})" in one.refused for one in workers):
            break
        time.sleep(_POLL_S)
    refusals = {one.refused for one in registry.workers().values() if f"(promote {promotion.number})" in one.refused}
    for refusal in sorted(refusals):
        print(f"refused: {refusal}")
    if refusals:
        raise typer.Exit(1)


def _name(promotion: "Promotion") -> str:
    return f"{promotion.bundle or 'what workers serve of themselves'} (promote {promotion.number})"
