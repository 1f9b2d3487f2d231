"""The demonstration: a system of one's own, a replay at full speed, and a ZeroMQ client that counts what arrives."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import redis

from bridge.client import SignalClient
from bridge.events import Origin, Signal
from bridge.keys import load_or_create_keys
from feature_service.feature_set import FEATURE_SET
from natron.addresses import free_addresses, with_free_gateway
from natron.system import Shape, System
from natron.tally import Tally
from natron.traffic import Traffic, read_traffic
from shared.broker import connect
from shared.contracts import Series
from shared.embedded_broker import die_with_parent
from shared.errors import InputError
from shared.settings.groups import Settings

WORKERS = 2
STALLED_S = 30.0
"""Without any progress for so long, what is missing counts as lost."""


@dataclass(frozen=True)
class DemoRequest:
    """What to replay; ``candles`` None: all of the file."""

    csv: Path
    series: Series
    tz: str | None
    candles: int | None


@dataclass(frozen=True)
class DemoResult:
    """What became of the candles."""

    admitted: int
    rows: int
    published: int
    received: int
    lost: int
    duplicated: int
    latency_ms: dict[str, float | None]
    seconds: float
    workers: int
    replay: dict[str, Any] = field(repr=False)

    @property
    def sound(self) -> bool:
        """Whether every admitted candle became its row and its one signal."""
        return self.lost == 0 and self.duplicated == 0 and self.rows == self.admitted

    def document(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)


def run_demo(
    request: DemoRequest,
    settings: Settings,
    on_signal: Callable[[Signal, Tally], None] = lambda *_: None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> DemoResult:
    """Start a system, replay, count, stop.

    Parameters
    ----------
    on_signal
        Called with each signal as it arrives.
    on_stage
        Called with a line for a person when something begins.

    Raises
    ------
    InputError
        The file cannot be replayed.
    """
    with tempfile.TemporaryDirectory(prefix="natron-demo-") as folder:
        keys = Path(folder, "keys.json")
        addresses = free_addresses()
        group = settings.bridge.model_copy(
            update={"signals_bind": addresses.signals, "requests_bind": addresses.requests, "keys": str(keys)}
        )
        settings, url = with_free_gateway(settings.model_copy(update={"bridge": group}))
        on_stage("starting the broker, a feature service, two workers, the bridge and the gateway ...")
        with System(settings, Shape(workers=WORKERS, gateways=int(bool(url))), keys, data=None) as system:
            system.await_ready()
            if url:
                on_stage(f"dashboard, while the demonstration runs: {url}")
            with SignalClient(addresses, load_or_create_keys(keys), security=settings.bridge.security) as client:
                _await_bridge(client, system)
                on_stage(f"replaying {request.csv.name} at full speed; signals as they arrive over ZeroMQ:")
                return _replay(request, system, client, on_signal)


def _await_bridge(client: SignalClient, system: System) -> None:
    """Wait until the bridge has answered this client: from then on nothing can be missed unnoticed."""
    while True:
        for _ in client.events(idle_s=1.0):
            return
        system.tend()


def _replay(
    request: DemoRequest, system: System, client: SignalClient, on_signal: Callable[[Signal, Tally], None]
) -> DemoResult:
    started_s = time.monotonic()
    broker = connect(system.broker.url)
    with tempfile.TemporaryFile("w+") as report_file, tempfile.TemporaryFile("w+") as error_file:
        replay = subprocess.Popen(
            _replay_command(request),
            env=system.environ(),
            stdout=report_file,
            stderr=error_file,
            text=True,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - it reads a file: nothing to drain
        )
        try:
            tally, traffic = _count(system, client, broker, replay, on_signal)
        finally:
            replay.kill()  # it has ended by itself, unless something went wrong here
            replay.wait()
            broker.close()
        seconds = time.monotonic() - started_s
        report_file.seek(0)
        error_file.seek(0)
        if replay.poll() != 0:
            raise InputError("csv", str(request.csv), error_file.read().strip(), "see `natron candles inspect`")
        report = json.load(report_file)
    missing = max(0, traffic.due - tally.received)
    return DemoResult(
        traffic.admitted,
        traffic.rows,
        traffic.published,
        tally.received,
        max(missing, tally.lost),
        tally.duplicated + max(0, traffic.published - traffic.due),
        {"p50": tally.latencies.quantile_ms(0.5), "p99": tally.latencies.quantile_ms(0.99)},
        round(seconds, 3),
        WORKERS,
        report,
    )


def _replay_command(request: DemoRequest) -> list[str]:
    series = request.series
    command = [sys.executable, "-m", "natron", "producer", "replay", "--csv", str(request.csv), "--json"]
    command += ["--symbol", series.symbol, "--timeframe", series.timeframe, "--speed", "max"]
    command += ["--tz", request.tz] if request.tz else []
    command += ["--limit", str(request.candles)] if request.candles is not None else []
    return command


def _count(
    system: System,
    client: SignalClient,
    broker: redis.Redis,
    replay: "subprocess.Popen[str]",
    on_signal: Callable[[Signal, Tally], None],
) -> tuple[Tally, Traffic]:
    """Take signals until every admitted candle has its own, or nothing has moved for ``STALLED_S``."""
    tally = Tally()
    progress: tuple[object, ...] = ()
    moved_s = time.monotonic()
    while True:
        for event in client.events(idle_s=0.2):
            if isinstance(event, Signal) and event.origin is not Origin.SNAPSHOT:
                latency_us = event.received_us - event.line.prediction.admitted_us
                tally.add(event.line.prediction, latency_us)
                on_signal(event, tally)
        system.tend()
        ended = replay.poll() is not None
        traffic = read_traffic(broker, system.names, FEATURE_SET.hash[:8])
        if ended and traffic.rows == traffic.admitted and tally.received >= traffic.due:
            return tally, traffic
        if (traffic, tally.received, ended) != progress:
            progress, moved_s = (traffic, tally.received, ended), time.monotonic()
        elif ended and time.monotonic() - moved_s > STALLED_S:
            return tally, traffic
