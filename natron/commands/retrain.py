"""Training on the archive again, once or every so often."""

import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from natron.commands.options import Assignments, Broker, Config
from natron.commands.services import need_packages
from natron.environment import find_system, read_settings, share_cores
from shared.errors import InputError, NatronError

if TYPE_CHECKING:
    from archive.retraining.retraining import Bench
    from shared.settings.groups import Settings

RETRY_S = 3_600.0
"""After what went wrong, where it is done again and again: an archive that is too short grows, a broker comes back."""
_UNITS_S = {"h": 3_600, "d": 86_400, "w": 604_800}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("retrain")(retrain)


def retrain(
    every: str | None = typer.Option(None, "--every", help="7d, 12h, 2w: again and again; default: once"),
    folder: str | None = typer.Option(None, "--folder", help="of the archive; default: archive.folder"),
    out: Path | None = typer.Option(None, "--out", help="folder of bundles and records; default: in the archive"),
    promote: bool = typer.Option(True, "--promote/--no-promote", help="promote where the rule says so"),
    config: Config = None,
    assignments: Assignments = None,
    broker: Broker = None,
) -> None:
    """Train on the archive, compare with the champion on candles new to both, and promote what is better for sure."""
    share_cores()
    need_packages("natron retrain", "archive", "pyarrow")
    need_packages("natron retrain", "train", "torch")
    from archive.retraining.retraining import retrain as run
    from shared.broker import LOST
    from shared.log import configure_log

    settings = find_system(read_settings(config, assignments, system__broker_url=broker, archive__folder=folder))
    configure_log("retrain", settings.system.log_level)
    archive = Path(settings.archive.folder)
    bench = _bench(settings, archive, out or archive / "retrainings", promote)
    stop = _stopped()
    period_ms = read_period(every) * 1_000 if every else 0
    while True:
        waits_s = max(0, (bench.last_ms or 0) + period_ms - bench.clock.now_ms()) / 1_000 if every else 0
        if waits_s:
            print(f"next in {waits_s / 3_600:.1f} h", flush=True)
        if stop.wait(waits_s):
            return
        try:
            found = run(bench, settings, lambda said: print(said, flush=True))
        except (NatronError, *LOST) as error:
            if not every:
                raise
            print(f"natron: {error}; again in {RETRY_S / 60:.0f} min", flush=True)
            if stop.wait(RETRY_S):
                return
            continue
        verdict = f"promoted under number {found.promote}" if found.promote else "not promoted"
        print(f"{found.bundle}: {verdict}; {found.verdict.why}", flush=True)
        if not every:
            return


def read_period(text: str) -> int:
    """Seconds of ``7d``, ``12h`` or ``2w``; InputError where it is none."""
    found = re.fullmatch(r"(\d{1,4})([hdw])", text)
    if found is None or not int(found[1]):
        raise InputError("--every", text, "is no period", "write 12h, 7d or 2w")
    return int(found[1]) * _UNITS_S[found[2]]


def _bench(settings: "Settings", archive: Path, folder: Path, may_promote: bool) -> "Bench":
    from archive.retraining.retraining import Bench
    from inference_worker.bundle import Bundle
    from inference_worker.registry import Registry
    from inference_worker.service import bundle_folder
    from shared.broker import connect
    from shared.clock import SystemClock
    from shared.names import Names

    registry = Registry(connect(settings.system.broker_url), Names(settings.system.namespace))

    def champion() -> Bundle:
        named = registry.line().champion.bundle
        return registry.load(named) if named else Bundle.load(bundle_folder(settings))

    def push(bundle: Path) -> int:
        return registry.promote(registry.push(bundle).manifest.id).number

    return Bench(archive, folder, champion, push if may_promote else None, SystemClock())


def _stopped() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
