"""``natron bundle``: what bundles there are, what is in one, and whether it is whole."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Json
from shared.errors import BundleError, InputError

if TYPE_CHECKING:
    from inference_worker.bundle import Bundle

app = typer.Typer(help="Model bundles on disk.", no_args_is_help=True)


@app.command("list")
def list_bundles(
    registry: Path = typer.Option(Path("models"), "--registry", help="folder of bundles"), as_json: Json = False
) -> None:
    """List the bundles of a folder; one that is broken is listed with its fault."""
    import json

    from rich.console import Console
    from rich.table import Table

    from inference_worker.bundle import MANIFEST_NAME, Bundle

    if not registry.is_dir():
        raise InputError("registry", str(registry), "is no folder", "name a folder of bundles")
    rows = []
    for folder in sorted(one.parent for one in registry.glob(f"*/{MANIFEST_NAME}")):
        if (folder / "run.json").exists():
            continue  # the run beside a bundle
        try:
            rows.append(_summary(Bundle.load(folder)))
        except BundleError as error:
            rows.append({"id": folder.name, "fault": str(error)})
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("id", "preset", "parameters", "series", "newest candle", "feature set", "size")
    for row in rows:
        fault = row.get("fault")
        table.add_row(
            str(row["id"]), *([f"broken: {fault}"] if fault else [str(value) for value in [*row.values()][1:]])
        )
    Console().print(table)


@app.command("show")
def show(folder: Path = typer.Argument(help="the bundle's folder"), as_json: Json = False) -> None:
    """Show what a bundle was trained on, with what, and what it is worth."""
    from inference_worker.bundle import Bundle

    bundle = Bundle.load(folder)
    manifest = bundle.manifest
    if as_json:
        print(manifest.model_dump_json(exclude={"golden", "histograms"}))
        return
    for name, value in _summary(bundle).items():
        print(f"{name}: {value}")
    print(f"code: {manifest.code_version}, seed {manifest.seed}, test split read {manifest.test_split_reads} times")
    for record in manifest.data:
        print(
            f"data: {record.symbol} {record.timeframe}, {record.candles:,} candles, {_date(record.first)} to "
            f"{_date(record.last)} ({record.tz}), sha256 {record.sha256[:12]}"
        )
    for name, digest in manifest.files.items():
        print(f"file: {name}, sha256 {digest[:12]}")
    for metric in manifest.metrics:
        print(
            f"test: {metric.series} {metric.head} {metric.accuracy:.1%} of {metric.candles:,} "
            f"(majority {metric.majority:.1%}, persistence {metric.persistence:.1%})"
        )


@app.command("verify")
def verify(folder: Path = typer.Argument(help="the bundle's folder")) -> None:
    """Check every hash, the golden outputs and the feature set; exit code 1 where one is wrong."""
    from feature_service.feature_set import FEATURE_SET
    from inference_worker.bundle import Bundle
    from inference_worker.session import Session

    bundle = Bundle.load(folder)
    found = bundle.manifest.feature_set.hash
    if found != FEATURE_SET.hash:
        raise BundleError(f"{folder}: feature set expected {FEATURE_SET.hash}, found {found}")
    Session(bundle, threads=1, max_tokens=2_048)  # answers the golden windows, or raises
    print(f"{folder}: {len(bundle.manifest.files)} files, golden outputs and feature set are right")


def _summary(bundle: "Bundle") -> dict[str, object]:
    manifest = bundle.manifest
    size = sum((bundle.path / name).stat().st_size for name in manifest.files)
    return {
        "id": manifest.id,
        "preset": manifest.preset,
        "parameters": f"{manifest.parameters:,}",
        "series": ", ".join(f"{one.symbol} {one.timeframe}" for one in manifest.data),
        "newest candle": _date(max(one.last for one in manifest.data)),
        "feature set": manifest.feature_set.hash[:8],
        "size": f"{size / 1e6:.1f} MB",
    }


def _date(t: int) -> str:
    return datetime.fromtimestamp(t / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
