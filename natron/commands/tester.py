"""MetaTrader's strategy tester: signals of a history, as a file."""

from pathlib import Path

import typer

from natron.commands.options import Assignments, Config
from natron.environment import read_settings
from natron.run_file import read_run_file
from shared.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export-signals")(export_signals)


def export_signals(
    bundle: Path = typer.Option(..., "--bundle", help="folder of the bundle"),
    csv: str = typer.Option(..., "--csv", help="FILE[,symbol=S][,timeframe=TF][,tz=Z]"),
    tz: str = typer.Option(..., "--tz", help="zone of the broker's server, and of the file unless it names its own"),
    out: Path = typer.Option(..., "--out", help="the file; it goes to the terminals' common folder, Files"),
    keys: Path | None = typer.Option(
        None, "--keys", help="the bridge's key file; default: bridge.keys, or that of the running `natron up`"
    ),
    force: bool = typer.Option(
        False, "--force", help="also candles that the bundle was trained on; the file is marked IN-SAMPLE"
    ),
    last_closed: bool = typer.Option(False, "--last-closed", help="the file's last candle is closed too"),
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Write signals for MetaTrader's strategy tester: only of candles that the bundle has not learned from."""
    from dataclasses import replace

    from bridge.keys import load_keys
    from inference_worker.bundle import Bundle
    from natron.signal_file import read_signal_file, write_signal_file
    from producer.zones import parse_zone
    from shared.log import configure_log
    from trainer.backtest.request import BacktestRequest
    from trainer.request import CsvSpec

    settings = read_settings(config, assignments)
    configure_log("export-signals", settings.system.log_level)
    zone, spec = parse_zone(tz), CsvSpec.parse(csv)
    key = load_keys(_keys(keys, settings.bridge.keys)).bridge
    spec = replace(spec, tz=spec.tz or tz)
    request = BacktestRequest(Bundle.load(bundle), spec, everything=force, last_closed=last_closed, settings=settings)
    made = read_signal_file(request, zone)
    write_signal_file(made, out, key)
    sample = "out-of-sample" if made.unseen else "IN-SAMPLE"
    print(f"{len(made):,} signals of {made.series.key}, {sample}, in {zone.name} time: {out}")
    if made.repeated:
        print(f"note: {made.repeated} left out, whose stamps the broker's clock shows twice")
    for note in made.notes:
        print(f"note: {note}")


def _keys(given: Path | None, setting: str) -> Path:
    if given is not None or setting:
        return given or Path(setting)
    run = read_run_file()
    if run is None:
        mend = "give --keys natron-data/keys.json, or start `natron up`"
        raise InputError("keys", "", "names no key file, and no `natron up` of this user is running", mend)
    return Path(run.keys)
