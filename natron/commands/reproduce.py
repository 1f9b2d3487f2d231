"""An archived prediction, computed anew."""

from pathlib import Path

import typer

from natron.commands.options import Assignments, Broker, Config
from natron.commands.services import need_packages
from natron.environment import find_system, read_settings
from shared.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reproduce")(reproduce)


def reproduce(
    prediction_id: str = typer.Argument(metavar="ID", help="of a prediction: EURUSD.M15.1732233600000"),
    folder: str | None = typer.Option(None, "--folder", help="of the archive; default: archive.folder"),
    bundle: str | None = typer.Option(None, "--bundle", help="folder of its bundle; default: pushed, or the reference"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Compute an archived prediction from its candles and bundle, and compare: rows bit for bit, answers to 1e-5.

    Exits with 1 where it comes out otherwise.
    """
    need_packages("natron reproduce", "archive", "pyarrow")
    from archive.bundle_shelf import BundleShelf, folders_of
    from archive.storage.reproduction import reproduce as compute
    from archive.storage.vault import Vault
    from inference_worker.registry import Registry
    from shared.broker import connect
    from shared.clock import SystemClock
    from shared.names import Names

    settings = read_settings(config, assignments, archive__folder=folder, inference__bundle=bundle)
    registry = None
    try:
        system = find_system(read_settings(config, assignments, system__broker_url=broker)).system
        registry = Registry(connect(system.broker_url), Names(system.namespace))
    except InputError:
        pass  # no system runs: bundles in folders are enough
    shelf = BundleShelf(registry, folders_of(settings), SystemClock())
    found = compute(Vault(Path(settings.archive.folder)), prediction_id, shelf.bundle)
    for one in found:
        verdict = "the same" if one.same else "NOT the same"
        print(
            f"{prediction_id} by {one.prediction.bundle}: {verdict}; {one.rows_equal} of {one.rows_compared} rows "
            f"bit for bit, probabilities within {one.difference:.1e}, from {one.candles} candles"
        )
    if not all(one.same for one in found):
        raise typer.Exit(1)
