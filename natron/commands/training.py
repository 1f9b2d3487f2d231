"""Offline: history in, bundle out."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Config, Csv, NoCache, Parquet
from natron.environment import read_settings
from shared.errors import InputError

if TYPE_CHECKING:
    from inference_worker.bundle import MetricRecord
    from trainer.supervised import EpochReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    out: Path = typer.Option(..., "--out", help="folder of the bundle; its name is the bundle's id"),
    csv: Csv = None,
    parquet: Parquet = None,
    preset: str | None = typer.Option(None, "--preset", help="tiny, small or base"),
    seed: int | None = typer.Option(None, "--seed", min=0, help="the same seed gives the same bundle"),
    weights: bool = typer.Option(True, "--weights/--no-weights", help="also keep weights.safetensors"),
    no_cache: NoCache = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Train on exports, measure on their last part by date, and write a bundle that workers serve."""
    if find_spec("torch") is None:
        raise InputError("natron train", "torch", "is not installed", "run make dev, or pip install 'natron[train]'")
    from shared.log import configure_log
    from trainer.request import TrainingRequest, file_specs
    from trainer.training import train as run_training

    settings = read_settings(
        config, assignments, model__preset=preset, training__seed=seed, cache__folder="" if no_cache else None
    )
    configure_log("trainer", settings.system.log_level)
    request = TrainingRequest(file_specs(csv or [], parquet or []), out, settings, save_weights=weights)
    result = run_training(request, lambda done: print(_epoch(done), flush=True))
    for note in result.notes:
        print(f"note: {note}")
    _print(result.manifest.metrics)
    print(f"{result.path}: {result.manifest.parameters:,} parameters, {result.seconds:.0f} s")


def _epoch(done: "EpochReport") -> str:
    mark = "  best" if done.best else ""
    return (
        f"epoch {done.epoch:>3}/{done.epochs}  training loss {done.training_loss:.4f}  "
        f"validation log-loss {done.validation_log_loss:.4f}{mark}"
    )


def _print(metrics: "tuple[MetricRecord, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("series", "head", "test candles", "accuracy", "majority", "persistence", "log-loss", min_width=100)
    for row in metrics:
        shares = (f"{value:.1%}" for value in (row.accuracy, row.majority, row.persistence))
        table.add_row(row.series, row.head, f"{row.candles:,}", *shares, f"{row.log_loss:.4f}")
    Console(width=110).print(table)
