"""More workers: real ones on this machine's cores, and simulated devices of 100 ms a batch that outnumber them."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from benchmarks.bundles import write_untrained_bundle
from benchmarks.measurement import Measurement
from feature_service.service import run as make_rows
from natron.environment import environment_of
from producer.sample import sample_candles
from shared.admission import Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SystemClock
from shared.contracts import PARTITIONS, WINDOW, Series
from shared.embedded_broker import EmbeddedBroker
from shared.membership import live_members
from shared.names import Names
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.settings.loading import load_settings

READY_TIMEOUT_S = 300.0
DEVICES = (1, 8, 32)
CANDLES_A_DEVICE = 640  # predictions: four seconds of a device


@dataclass(frozen=True)
class Load:
    """``series`` a partition, each with ``candles`` that become predictions."""

    series: int
    candles: int

    @property
    def predictions(self) -> int:
        """What is due in all partitions."""
        return PARTITIONS * self.series * self.candles


def run() -> list[Measurement]:
    """Measure."""
    load = Load(series=1, candles=8)
    one, two = (_per_s("windows", count, load) for count in (1, 2))
    rows = [Measurement("two workers, a window a candle", "1/s", "higher", two, "one worker", one, ">= 1.8 x")]
    alone = _per_s("simulated", 1, Load(1, CANDLES_A_DEVICE // PARTITIONS))
    for count in DEVICES[1:]:
        found = _per_s("simulated", count, Load(count, CANDLES_A_DEVICE // PARTITIONS))
        rows.append(
            Measurement(
                f"{count} simulated devices: share of {count} times one", "ratio", "higher", found / (count * alone),
                goal=">= 0.9" if count == max(DEVICES) else "",
            )
        )  # fmt: skip
    return rows


def _per_s(kind: str, workers: int, load: Load) -> float:
    """Predictions a second of so many workers, from the moment the last one has joined."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker() as server:
        flags = {
            "system.log_level": "ERROR",
            "system.broker_url": server.url,
            "inference.bundle": str(write_untrained_bundle(Path(folder, "base"), "base")),
        }
        settings = load_settings(None, {}, flags)
        client, names = connect(server.url), Names()
        _fill(client, names, settings, load)
        environ = {**os.environ, **environment_of(settings), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "benchmarks.device", kind]
        children = [subprocess.Popen(command, env=environ) for _ in range(workers)]
        try:
            return _measured(client, names, workers, load)
        finally:
            for child in children:
                child.kill()
                child.wait()


def _measured(client: redis.Redis, names: Names, workers: int, load: Load) -> float:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while len(live_members(client, names, "worker")) < workers:
        assert time.monotonic() < deadline, "the workers did not start"
        time.sleep(0.02)
    started, before = time.monotonic(), _published(client, names)
    while (published := _published(client, names)) < load.predictions:
        assert time.monotonic() < deadline, f"{published} of {load.predictions} predictions"
        time.sleep(0.02)
    return (published - before) / (time.monotonic() - started)


def _published(client: redis.Redis, names: Names) -> int:
    pipeline = client.pipeline(transaction=False)
    for p in range(PARTITIONS):
        pipeline.execute_command("XLEN", names.predictions(p))
    return sum(pipeline.execute())


def _fill(client: redis.Redis, names: Names, settings: Settings, load: Load) -> None:
    """Admit every series' candles and make their rows: only predictions are left to do."""
    limits = AdmissionLimits(settings.system.max_backlog, 100, 100)
    admission = Admission(client, names, SystemClock(), limits)
    candles = sample_candles(WINDOW - 1 + load.candles, "M15", 1)
    room, at = dict.fromkeys(range(PARTITIONS), load.series), 0
    while any(room.values()):
        series = Series(f"S{at}", "M15")
        at += 1
        if room[series.partition]:
            room[series.partition] -= 1
            admission.admit(series, candles, 0, "bench")
    make_rows(settings, ServiceContext(client, names), until_idle=True)
