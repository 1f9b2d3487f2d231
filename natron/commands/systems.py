"""Whole systems: ``demo`` shows one, ``up`` runs one; ``settings`` prints what can be set."""

import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from natron.commands.options import Assignments, Config, Json, Zone
from natron.environment import read_settings
from shared.contracts import Series
from shared.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from bridge.events import Signal
    from natron.demo import DemoResult
    from natron.run_file import RunFile
    from natron.tally import Tally
    from shared.settings.groups import Settings

SAMPLE_CANDLES = 10_000
SAMPLE_SEED = 1
_SHOWN_EVERY_S = 0.1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("demo")(demo)
    app.command("up")(up)
    app.command("settings")(settings)


def demo(
    csv: Path | None = typer.Option(None, "--csv", help="candles to replay; default: synthetic ones"),
    symbol: str = typer.Option("SAMPLE", "--symbol", help="as the broker spells it"),
    timeframe: str = typer.Option("M15", "--timeframe", help="M1, M5, M15, M30, H1, H4, D1 ..."),
    tz: Zone = None,
    candles: int | None = typer.Option(None, "--candles", min=1, help="replay only the first so many"),
    as_json: Json = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Replay candles through a whole system and count the signals that arrive over ZeroMQ."""
    from rich.console import Console

    from natron.demo import DemoRequest, run_demo
    from producer.sample import sample_candles, write_candles
    from shared.log import configure_log

    values = read_settings(config, assignments)
    if not as_json:
        values = values.model_copy(update={"system": values.system.model_copy(update={"log_level": "ERROR"})})
    configure_log("demo", values.system.log_level)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # unwinds, so that nothing is left behind
    console = Console(stderr=as_json)
    show = (lambda *_: None) if as_json else _Shown(console)
    with tempfile.TemporaryDirectory(prefix="natron-sample-") as folder:
        path = csv
        if path is None:
            path = Path(folder, "sample.csv")
            count = candles or SAMPLE_CANDLES
            # One more: the last row of a file is taken as open.
            write_candles(sample_candles(count + 1, timeframe, SAMPLE_SEED), path)
        request = DemoRequest(path, Series(symbol, timeframe), tz, candles)
        result = run_demo(request, values, show, (lambda _: None) if as_json else console.print)
    if as_json:
        print(json.dumps(result.document()))
    else:
        _print_result(console, result)
    raise typer.Exit(0 if result.sound else 1)


class _Shown:
    """Prints a signal now and then: all of them would be a blur."""

    def __init__(self, console: "Console") -> None:
        self._console, self._due_s = console, 0.0

    def __call__(self, event: "Signal", tally: "Tally") -> None:
        now_s = time.monotonic()
        if now_s < self._due_s:
            return
        self._due_s = now_s + _SHOWN_EVERY_S
        document = event.document
        self._console.print(
            f"  {tally.received:>7,}  {document['id']}  buy setup {document['buy_prob']:.2f}  "
            f"sell setup {document['sell_prob']:.2f}  {document['direction_pred']:<7}  {document['regime']:<11}  "
            f"{' '.join(document['reasons'])}",
            highlight=False,
            soft_wrap=True,
        )


def _print_result(console: "Console", result: "DemoResult") -> None:
    from rich.table import Table

    table = Table("what", "count", show_header=False)
    values: dict[str, Any] = result.document()
    latency, replay = values.pop("latency_ms"), values.pop("replay")
    for name, value in values.items():
        table.add_row(name, f"{value:,}")
    table.add_row("refused rows", f"{replay['refused']['count']:,}")
    table.add_row("admitted to received, p50 ms", f"{latency['p50']}")
    table.add_row("admitted to received, p99 ms", f"{latency['p99']}")
    console.print(table)
    console.print("Latency here includes the queue of a replay at full speed; buy and sell are setups, not profit.")


def up(
    data: Path = typer.Option(Path("natron-data"), "--data", help="folder for candles, predictions and keys"),
    workers: int = typer.Option(2, "--workers", min=1, max=64, help="inference workers"),
    keep: bool = typer.Option(
        False, "--score", help="score predictions, watch for drift and keep an archive, too: needs natron[archive]"
    ),
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Run everything until Ctrl-C; other commands find it by themselves."""
    from bridge.handout import write_owner_inputs
    from bridge.listener import Listener
    from natron.addresses import with_free_gateway
    from natron.data_lock import lock_folder
    from natron.run_file import RunFile, read_run_file, remove_run_file, write_run_file
    from natron.system import POLL_S, Shape, System
    from shared.log import configure_log

    values = read_settings(config, assignments)
    configure_log("up", values.system.log_level)
    other = read_run_file()
    if other is not None:
        raise InputError("up", other.pids["up"], "is running already for this user", "stop it first (Ctrl-C there)")
    Listener(values.bridge).close()  # a taken port is said at once, not over and over by a bridge that cannot start
    _make_folder(data)
    if values.system.broker_url:
        mend = "leave it out; run the services one by one on a broker of yours"
        raise InputError("system.broker_url", values.system.broker_url, "has no use here: up starts its own", mend)
    lock, stopped = lock_folder(data), _stop_signals()
    keys = Path(values.bridge.keys) if values.bridge.keys else data.resolve() / "keys.json"
    write_owner_inputs(data, keys, values.bridge)
    values, url = with_free_gateway(values)
    shape = Shape(workers, gateways=int(bool(url)), scorers=int(keep), archives=int(keep))
    system = System(_with_archive(values, data) if keep else values, shape, keys, data.resolve())

    def announce() -> RunFile:
        bridge, place = values.bridge, str(data.resolve())
        return write_run_file(
            RunFile(
                system.broker.url, bridge.signals_bind, bridge.requests_bind, str(keys), place, system.pids(),
                bridge.security, url,
            )
        )  # fmt: skip

    try:
        system.start()
        run = announce()
        print(_greeting(run, data), flush=True)
        while not stopped:
            if system.tend():
                run = announce()
            time.sleep(POLL_S)
        print("natron: stopping", flush=True)
    finally:
        system.stop()
        remove_run_file()
        lock.close()


def _with_archive(values: "Settings", data: Path) -> "Settings":
    """Settings of a system that keeps its archive beside its other data."""
    from natron.commands.services import need_packages

    need_packages("natron up --score", "archive", "pyarrow", "sklearn", "river")
    group = values.archive.model_copy(update={"folder": str(data.resolve() / "archive")})
    return values.model_copy(update={"archive": group})


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("--data", str(data), f"cannot be made: {error.strerror}", "name another folder") from None


def _greeting(run: "RunFile", data: Path) -> str:
    page = f"dashboard and HTTP API: {run.gateway}" if run.gateway else "no dashboard: pip install 'natron[web]'"
    return (
        f"natron is up: signals at {run.signals}, requests at {run.requests}, data in {data}. Ctrl-C stops it.\n{page}"
    )


def _stop_signals() -> list[int]:
    """A list that fills when the process is asked to stop."""
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: stopped.append(number))
    return stopped


def settings(config: Config = None, assignments: Assignments = None) -> None:
    """Print every setting in force, as a natron.yaml."""
    from shared.settings.document import settings_document

    print(settings_document(read_settings(config, assignments)), end="")
