"""Offline: history in, bundle out."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Config
from natron.environment import read_settings
from shared.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_worker.bundle import MetricRecord
    from trainer.policy.training import PolicyReport
    from trainer.run_folder import EpochReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    out: Path = typer.Option(..., "--out", help="folder of the bundle; its name is the bundle's id"),
    csv: list[str] = typer.Option(..., "--csv", help="FILE[,symbol=S][,timeframe=TF][,tz=Z]; may be given often"),
    preset: str | None = typer.Option(None, "--preset", help="tiny, small or base"),
    seed: int | None = typer.Option(None, "--seed", min=0, help="the same seed gives the same bundle"),
    weights: bool = typer.Option(True, "--weights/--no-weights", help="also keep weights.safetensors"),
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Train on exports, measure on their last part by date, and write a bundle that workers serve."""
    if find_spec("torch") is None:
        raise InputError("natron train", "torch", "is not installed", "run make dev, or pip install 'natron[train]'")
    from shared.log import configure_log
    from trainer.request import CsvSpec, TrainingRequest
    from trainer.training import train as run_training

    settings = read_settings(config, assignments, model__preset=preset, training__seed=seed)
    configure_log("trainer", settings.system.log_level)
    request = TrainingRequest(tuple(CsvSpec.parse(text) for text in csv), out, settings, save_weights=weights)
    result = run_training(
        request, lambda done: print(_epoch(done), flush=True), lambda done: print(_improvement(done), flush=True)
    )
    for note in result.notes:
        print(f"note: {note}")
    _print(result.manifest.metrics)
    if result.manifest.policy is not None:
        print(_policy(result.manifest.policy.metrics))
    print(f"{result.path}: {result.manifest.parameters:,} parameters, {result.seconds:.0f} s")


def _epoch(done: "EpochReport") -> str:
    mark = "  best" if done.best else ""
    return (
        f"epoch {done.epoch:>3}/{done.epochs}  training loss {done.training_loss:.4f}  "
        f"validation log-loss {done.validation_log_loss:.4f}{mark}"
    )


def _improvement(done: "PolicyReport") -> str:
    mark = "  best" if done.best else ""
    found = done.validation
    return (
        f"episodes {done.episodes:>5,}/{done.of:,}  reward {done.reward:+.4f} usual moves a candle  validation "
        f"{found.log_equity:+.4f} log-equity, {found.score:+.1f} standard errors, exposed {found.exposure:.0%}{mark}"
    )


def _policy(metrics: "Mapping[str, float]") -> str:
    found = {name: metrics[f"{name}.log_equity"] for name in ("policy", "threshold", "flat")}
    told = ", ".join(f"{name} {value:+.4f}" for name, value in found.items())
    kept = "the policy" if metrics["learned"] else "no policy was surely better than none, so it stays flat: it"
    verdict = "beats" if metrics["beats_threshold_and_flat"] else "does not beat"
    return f"validation log-equity: {told}; {kept} {verdict} a threshold and staying flat"


def _print(metrics: "tuple[MetricRecord, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("series", "head", "test candles", "accuracy", "majority", "persistence", "log-loss", min_width=100)
    for row in metrics:
        shares = (f"{value:.1%}" for value in (row.accuracy, row.majority, row.persistence))
        table.add_row(row.series, row.head, f"{row.candles:,}", *shares, f"{row.log_loss:.4f}")
    Console(width=110).print(table)
