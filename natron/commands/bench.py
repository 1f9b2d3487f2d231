"""Speed and memory, measured here and now, beside what else there is."""

import json
import logging
from importlib.util import find_spec
from pathlib import Path

import typer

from natron.commands.options import Json
from shared.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


def bench(
    groups: list[str] | None = typer.Argument(None, metavar="[GROUP...]", help="default: all; see --list"),
    out: Path | None = typer.Option(None, "--out", help="folder of the results; default: benchmarks/results here"),
    list_groups: bool = typer.Option(False, "--list", help="name the groups and stop"),
    as_json: Json = False,
) -> None:
    """Measure Natron and its peers side by side in one run, and keep the results."""
    if find_spec("torch") is None or find_spec("talib") is None:
        raise InputError(
            "natron bench", "its peers", "are not installed", "run make dev, or pip install 'natron[train,dev]'"
        )
    import structlog
    from rich.console import Console

    from benchmarks.groups import check_groups, describe_group, run_group
    from benchmarks.results import RESULTS, keep_results, measurement_row, results_table

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    chosen = check_groups(groups or [])
    if list_groups:
        for name in chosen:
            print(f"{name:<10} {describe_group(name)}")
        return
    found = {}
    for name in chosen:
        rows = run_group(name)
        keep_results(name, rows, out or RESULTS)
        found[name] = [measurement_row(row) for row in rows]
        if not as_json:
            Console(width=150).print(results_table(name, rows))
    if as_json:
        print(json.dumps(found, indent=1))
