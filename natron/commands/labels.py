"""The labels: what they look like on a file, and those of every candle."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natron.commands.options import Assignments, Config, Csv, Json, NoCache, Parquet
from natron.environment import read_settings
from shared.errors import InputError

if TYPE_CHECKING:
    from shared.settings.groups import Settings
    from trainer.histories import LabelledHistories
    from trainer.labels.portrait import HeadPortrait

app = typer.Typer(help="The labels that training teaches: describe and compute them.", no_args_is_help=True)

CostBps = Annotated[
    float | None, typer.Option("--cost-bps", help="of a round trip, where a file has no spread: 1/10,000 of the price")
]


@app.command()
def describe(
    csv: Csv = None,
    parquet: Parquet = None,
    cost_bps: CostBps = None,
    seed: int = typer.Option(0, "--seed", min=0, help="of the walks"),
    no_cache: NoCache = False,
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Print shares, memory and thresholds of every head, and what needs no model gets, on matched walks too."""
    _check_torch("natron labels describe")
    from dataclasses import asdict

    from trainer.labels.portrait import portray

    settings = read_settings(config, assignments, labels__cost_bps=cost_bps, cache__folder="" if no_cache else None)
    found, notes = _label(csv, parquet, settings)
    portraits = portray(settings.labels, found.fitted, found.sources, found.labels, seed)
    if as_json:
        print(json.dumps([asdict(one) for one in portraits]))
        return
    _print(portraits)
    for note in notes:
        print(f"note: {note}")


@app.command()
def compute(
    out: Path = typer.Option(..., "--out", help="FILE.csv or FILE.parquet"),
    csv: Csv = None,
    parquet: Parquet = None,
    cost_bps: CostBps = None,
    no_cache: NoCache = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Write the class of every head at every candle, -1 where the future is not known; thresholds as for training."""
    _check_torch("natron labels compute")
    from trainer.labels.table import check_table, write_table

    check_table(out)
    settings = read_settings(config, assignments, labels__cost_bps=cost_bps, cache__folder="" if no_cache else None)
    if len(csv or []) + len(parquet or []) > 1:
        raise InputError("csv", [*(csv or []), *(parquet or [])], "are several files", "give one")
    found, notes = _label(csv, parquet, settings)
    write_table(out, found.sources[0].candles, found.labels[0])
    print(f"{len(found.sources[0].candles):,} rows of {len(found.labels[0])} heads in {out}")
    for note in notes:
        print(f"note: {note}")


def _check_torch(command: str) -> None:
    if find_spec("torch") is None:
        raise InputError(command, "torch", "is not installed", "run make dev, or pip install 'natron[train]'")


def _label(
    csv: list[str] | None, parquet: list[str] | None, settings: "Settings"
) -> tuple["LabelledHistories", list[str]]:
    from trainer.cache import open_cache
    from trainer.files import read_specs
    from trainer.histories import label_histories
    from trainer.request import file_specs

    cache = open_cache(settings.cache)
    histories, notes = read_specs(file_specs(csv or [], parquet or []))
    found = label_histories(histories, settings.data, settings.labels, cache)
    return found, [*notes, *found.notes]


def _print(portraits: "list[HeadPortrait]") -> None:
    from rich.console import Console
    from rich.table import Column, Table

    console = Console(width=150)
    names = ("head", "h", "candles", "shares", "autocorrelation 1, 5, 20", "majority", "persistence", "walk: majority")
    for key in dict.fromkeys(one.series for one in portraits):
        table = Table(Column("head", no_wrap=True), *names[1:], "walk: persistence", title=key, title_justify="left")
        for one in (found for found in portraits if found.series == key):
            shares = "  ".join(f"{name} {share:.1%}" for name, share in one.shares.items())
            memory = "  ".join(f"{value:+.2f}" for value in one.autocorrelation.values())
            figures = (one.majority, one.persistence, one.walk_majority, one.walk_persistence)
            found = (f"{value:.1%}" for value in figures)
            table.add_row(one.head, str(one.horizon), f"{one.labelled:,}", shares, memory, *found)
        console.print(table)
        for one in (found for found in portraits if found.series == key):
            cuts = "  ".join(f"{name}={value:.4g}" for name, value in one.thresholds.items())
            print(f"{one.head}: {cuts}")
