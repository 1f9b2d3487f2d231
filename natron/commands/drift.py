"""What the limits of drift are worth on a bundle's own histories."""

import json
from dataclasses import asdict
from pathlib import Path

import typer

from natron.commands.options import Json
from natron.commands.services import need_packages
from shared.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drift")(drift)


def drift(
    bundle: Path = typer.Option(..., "--bundle", help="folder of the bundle"),
    csv: list[str] = typer.Option(
        ..., "--csv", help="FILE[,symbol=S][,timeframe=TF][,tz=Z] of its training; repeat it"
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="of the sampled blocks"),
    as_json: Json = False,
) -> None:
    """Show that rows like the trained ones raise no drift, and after how many candles a shifted family does."""
    need_packages("natron drift", "archive", "river")
    need_packages("natron drift", "train", "torch")
    from archive.drift.distances import LIMITS
    from archive.drift.proof import SAMPLED, prove
    from inference_worker.bundle import Bundle
    from trainer.files import read_specs
    from trainer.request import CsvSpec

    histories, _ = read_specs([CsvSpec.parse(text) for text in csv])
    found = prove(Bundle.load(bundle), histories, seed)
    if as_json:
        print(json.dumps({**asdict(found), "holds": found.holds}))
    else:
        print(f"{'family':<20}{'limit':>7}{'train':>7}{'valid.':>8}{'sampled':>9}  candles until a shift is seen")
        for family, limit in LIMITS.items():
            widest = f"{found.widest['train'][family]:7.2f}{found.widest['validation'][family]:8.2f}"
            after = ", ".join(str(one) for one in found.seen_after[family])
            print(f"{family:<20}{limit:7.2f}{widest}{found.sampled[family] * limit:9.2f}  {after}")
        print(f"largest of {SAMPLED:,} sampled candles: {max(found.sampled.values()):.2f} of its limit")
    if not found.holds:
        raise InputError("drift", str(bundle), "rows like the trained ones drift, or a shift is not seen", "see above")
