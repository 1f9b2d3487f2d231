"""Offline: a bundle's honest figures."""

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from natron.commands.options import Assignments, Config
from natron.environment import read_settings, share_cores
from shared.errors import InputError

_SHOWN = ("model", "majority", "persistence", "logistic", "lightgbm", "walk")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    bundle: Path = typer.Option(..., "--bundle", help="folder of the bundle"),
    csv: list[str] = typer.Option(..., "--csv", help="FILE[,symbol=S][,timeframe=TF][,tz=Z]; may be given often"),
    out: Path = typer.Option(..., "--out", help="folder of metrics.json, predictions.parquet, report.html, figures"),
    walk_forward: int = typer.Option(0, "--walk-forward", min=0, max=20, help="expanding folds by date, a refit each"),
    seeds: int = typer.Option(
        1, "--seeds", min=1, max=20, help="1: the bundle's own graph; more: so many fits of its settings"
    ),
    placebo: bool = typer.Option(False, "--placebo", help="also check that markets without a signal show none"),
    trials: int | None = typer.Option(None, "--trials", min=1, help="of optuna, for each head's LightGBM"),
    baseline_rows: int | None = typer.Option(None, "--baseline-rows", min=1000, help="candles a baseline is fitted on"),
    threads: int | None = typer.Option(None, "--threads", min=1, help="of every learner; default: training.threads"),
    cache: Path | None = typer.Option(None, "--cache", help="folder of computed parts; default: OUT/cache"),
    publish: bool = typer.Option(False, "--publish", help="put report and metrics into BUNDLE/report too"),
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Measure a bundle on the last part of its histories beside baselines, walks without a signal, and chance.

    What was computed is kept in the cache: a run that was cut off goes on, and another model is measured quickly.
    """
    share_cores()
    for name in ("torch", "lightgbm", "optuna", "sklearn", "matplotlib"):
        if find_spec(name) is None:
            raise InputError(
                "natron evaluate", name, "is not installed", "run make dev, or pip install 'natron[train]'"
            )
    from shared.log import configure_log
    from trainer.evaluation.evaluation import evaluate as run_evaluation
    from trainer.evaluation.request import EvaluationRequest
    from trainer.request import CsvSpec

    settings = read_settings(
        config,
        assignments,
        evaluation__trials=trials,
        evaluation__baseline_rows=baseline_rows,
        training__threads=threads,
    )
    configure_log("trainer", settings.system.log_level)
    started = time.monotonic()
    request = EvaluationRequest(
        bundle, tuple(CsvSpec.parse(text) for text in csv), out, settings, seeds, walk_forward, placebo, cache, publish
    )
    result = run_evaluation(request, lambda said: print(f"{time.monotonic() - started:6.0f} s  {said}", flush=True))
    for note in result.notes:
        print(f"note: {note}")
    _print(result.metrics)
    print(f"{result.out}: {result.seconds:.0f} s")


def _print(metrics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("series", "head", "candles", *_SHOWN, min_width=100, title="accuracy")
    for row in metrics["figures"]:
        if row["fold"] == 0:
            shares = (f"{row[name]['mean']['accuracy']:.1%}" for name in _SHOWN)
            table.add_row(row["series"], row["head"], f"{row['candles']:,}", *shares)
    Console(width=120).print(table)
