"""Offline: history in, bundle out."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natron.commands.options import Assignments, Config, Csv, NoCache, Parquet
from natron.environment import read_settings, share_cores
from shared.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

Preset = Annotated[str | None, typer.Option("--preset", help="tiny, small or base")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="the same seed gives the same bundle")]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda")]
Weights = Annotated[bool, typer.Option("--weights/--no-weights", help="also keep weights.safetensors")]
Variants = Annotated[str, typer.Option("--variants", help="some of int8,bf16,fp16: smaller graphs beside")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("train")(train)
    app.command("export")(export)
    app.command("tune")(tune)


def train(
    out: Path = typer.Option(..., "--out", help="folder of the bundle; its name is the bundle's id"),
    csv: Csv = None,
    parquet: Parquet = None,
    run: Path | None = typer.Option(None, "--run", help="folder of the run; default: OUT.run"),
    preset: Preset = None,
    phases: str | None = typer.Option(None, "--phases", help="pretrain,supervised,rl or some of them"),
    resume: bool = typer.Option(False, "--resume", help="go on where the run was interrupted"),
    seed: Seed = None,
    device: Device = None,
    weights: Weights = True,
    variants: Variants = "",
    trials: int = typer.Option(1, "--trials", min=1, help="settings tried before these, as natron tune says"),
    no_cache: NoCache = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Train on exports, measure on their last part by date, and write a bundle that workers serve."""
    _check_torch("natron train")
    from natron.training_display import TrainingDisplay, print_metrics, print_variants
    from shared.log import configure_log
    from trainer.request import TrainingRequest, file_specs
    from trainer.training import train as run_training

    settings = read_settings(
        config,
        assignments,
        model__preset=preset,
        training__seed=seed,
        training__phases=phases,
        training__device=device,
        cache__folder="" if no_cache else None,
    )
    configure_log("trainer", settings.system.log_level)
    request = TrainingRequest(
        csv=file_specs(csv or [], parquet or []),
        out=out,
        settings=settings,
        save_weights=weights,
        run=run,
        resume=resume,
        variants=_names(variants),
        trials=trials,
    )
    with TrainingDisplay() as display:
        result = run_training(request, display.epoch, display.step, display.improvement)
    for note in result.notes:
        print(f"note: {note}")
    if result.manifest is None:
        print(f"{result.path}: no bundle, as only banded attention of the first process makes one")
        return
    print_metrics(result.manifest.metrics)
    print_variants(result.manifest.variants)
    if result.manifest.policy is not None:
        print(_policy(result.manifest.policy.metrics))
    for name in ("pretrain.fresh", "pretrain.pretrained"):
        if name in result.facts:
            print(f"{name}: validation log-loss {result.facts[name]:.4f} after a short supervised run")
    print(f"{result.path}: {result.parameters:,} parameters, {result.seconds:.0f} s; run: {result.run}")


def export(
    run: Path = typer.Option(..., "--run", help="folder of a finished run"),
    out: Path = typer.Option(..., "--out", help="folder of the bundle; its name is the bundle's id"),
    weights: Weights = True,
    variants: Variants = "",
) -> None:
    """Make a run's bundle again: under another name, or with smaller graphs beside."""
    _check_torch("natron export")
    from natron.training_display import print_variants
    from trainer.bundling import export_run

    manifest = export_run(run, out, _names(variants), weights)
    print_variants(manifest.variants)
    print(f"{out}: {', '.join(manifest.files)}")


def tune(
    out: Path = typer.Option(..., "--out", help="folder of the study; given again, it goes on"),
    csv: Csv = None,
    parquet: Parquet = None,
    trials: int = typer.Option(20, "--trials", min=1, help="in all, those done before counted"),
    preset: Preset = None,
    seed: Seed = None,
    device: Device = None,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Search settings by validation log-loss; prints the best as options of natron train."""
    _check_torch("natron tune")
    from shared.log import configure_log
    from trainer.request import file_specs
    from trainer.tuning import Trial, tune_settings

    settings = read_settings(config, assignments, model__preset=preset, training__seed=seed, training__device=device)
    configure_log("trainer", settings.system.log_level)

    def show(trial: Trial) -> None:
        print(f"trial {trial.number + 1}/{trials}: {trial.outcome}  {trial.assignments}", flush=True)

    best, done = tune_settings(file_specs(csv or [], parquet or []), settings, out, trials, show)
    print(f"best of {done}: validation log-loss {best.loss:.4f}")
    print(f"natron train --trials {done} {best.assignments} ...")


def _policy(metrics: "Mapping[str, float]") -> str:
    found = {name: metrics[f"{name}.log_equity"] for name in ("policy", "threshold", "flat")}
    told = ", ".join(f"{name} {value:+.4f}" for name, value in found.items())
    kept = "the policy" if metrics["learned"] else "no policy was surely better than none, so it stays flat: it"
    verdict = "beats" if metrics["beats_threshold_and_flat"] else "does not beat"
    return f"validation log-equity: {told}; {kept} {verdict} a threshold and staying flat"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _check_torch(command: str) -> None:
    if find_spec("torch") is None:
        raise InputError(command, "torch", "is not installed", "run make dev, or pip install 'natron[train]'")
    share_cores()
