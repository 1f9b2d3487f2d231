"""The features: what they are, those of a file, and whether they keep their promises on it."""

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Json, Symbol, Timeframe, Zone
from shared.errors import InputError

if TYPE_CHECKING:
    from feature_service.checks import FeatureCheck

app = typer.Typer(help="The features: list, explain, compute and check them.", no_args_is_help=True)


@app.command("list")
def list_features(
    as_json: Json = False,
    markdown: bool = typer.Option(False, "--markdown", help="print docs/features.md"),
) -> None:
    """Print the catalogue in model order."""
    from rich.console import Console
    from rich.table import Column, Table

    from feature_service.reference import page, rows

    if as_json:
        print(json.dumps(rows()))
        return
    if markdown:
        print(page(), end="")
        return
    table = Table(Column("name", no_wrap=True), "family", "unit", "range", "lookback", "formula")
    for row in rows():
        unit, span = str(row["unit"]), f"{row['low']:g} to {row['high']:g}"
        table.add_row(str(row["name"]), str(row["family"]), unit, span, str(row["lookback"]), str(row["formula"]))
    Console().print(table)


@app.command()
def explain(name: str = typer.Argument(..., help="as `natron features list` prints it")) -> None:
    """Print all that is known of one feature."""
    from rich.console import Console
    from rich.table import Table

    from feature_service.reference import rows

    found = {str(row["name"]): row for row in rows()}
    if name not in found:
        near = get_close_matches(name, found, n=3, cutoff=0.4)
        mend = f"did you mean {', '.join(near)}?" if near else "see natron features list"
        raise InputError("name", name, "is no feature", mend)
    table = Table(show_header=False)
    for field, value in found[name].items():
        table.add_row(field, ", ".join(value) if isinstance(value, list) else str(value))
    Console().print(table)


@app.command()
def compute(
    symbol: Symbol,
    timeframe: Timeframe,
    csv: Path = typer.Option(..., "--csv", help="an export"),
    out: Path = typer.Option(..., "--out", help="FILE.parquet or FILE.csv"),
    tz: Zone = None,
    last_closed: bool = typer.Option(False, "--last-closed", help="the file's last candle is closed too"),
) -> None:
    """Write the features of a file, a row a candle: t and the features in model order."""
    from feature_service.feature_set import FEATURE_SET
    from feature_service.pipeline import compute_history
    from feature_service.table_file import check_target, write_rows
    from producer.history import read_history
    from shared.contracts import Series, encode_symbol

    encode_symbol(symbol)
    check_target(out)
    history = read_history(csv, timeframe, tz)
    candles = history.candles if last_closed else history.candles[:-1]
    write_rows(out, Series(symbol, timeframe), candles, compute_history(candles))
    print(f"{len(candles):,} rows of {FEATURE_SET.size} features in {out}")
    print(f"whole from candle {FEATURE_SET.lookback} on; stamps read as {history.report.tz}")
    if not last_closed:
        print("1 candle left out: nothing says that the last is closed (--last-closed does)")


@app.command()
def check(
    csv: Path = typer.Option(..., "--csv", help="an export"),
    timeframe: str | None = typer.Option(None, "--timeframe", help="default: found from the stamps"),
    tz: Zone = None,
    as_json: Json = False,
) -> None:
    """Look for look-ahead, recursion and redundancy on a file; status 1 where one of the first two is found."""
    from dataclasses import asdict

    from feature_service.checks import check_features
    from producer.history import read_history

    found = check_features(read_history(csv, timeframe, tz).candles)
    if as_json:
        print(json.dumps([asdict(one) for one in found]))
    else:
        _print(found)
    if not all(one.sound for one in found):
        raise typer.Exit(1)


def _print(found: "list[FeatureCheck]") -> None:
    from rich.console import Console
    from rich.table import Column, Table

    from feature_service.checks import REDUNDANT, STARTUPS

    few, enough = STARTUPS[0], STARTUPS[-1]
    name = Column("feature", no_wrap=True)
    headers = ("lookahead-\nanalysis", "recursive-\nanalysis", f"startup\n{few}", f"startup\n{enough}", "R²")
    table = Table(name, *headers, box=None)
    for one in found:
        lookahead = "no bias" if one.lookahead == 0 else "BIAS"
        recursion = "no bias" if one.recursive[-1] == 0.0 else "BIAS"
        differences = ("exact" if value == 0.0 else f"{value:.1e}" for value in (one.recursive[0], one.recursive[-1]))
        table.add_row(one.name, lookahead, recursion, *differences, "constant" if one.r2 is None else f"{one.r2:.5f}")
    Console().print(table)
    total = len(found)
    ahead = sum(one.lookahead > 0 for one in found)
    recursive = sum(not one.sound and one.lookahead == 0 for one in found)
    redundant = [one.name for one in found if one.redundant]
    constant = sum(one.r2 is None for one in found)
    print(f"lookahead-analysis: {ahead} of {total} features change when later candles do")
    print(f"recursive-analysis: {recursive} of {total} hang on candles before their lookback")
    print("startup N: largest difference from the whole past, in standard deviations, where only N candles are given")
    print(f"redundancy: {len(redundant)} of {total} told by the others (R² from {REDUNDANT} on) {' '.join(redundant)}")
    print(f"constant on this file: {constant}")
