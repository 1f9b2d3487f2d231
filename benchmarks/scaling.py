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
SETTLE_S = 3.0  # until all know of all and have shared the partitions
CANDLES_A_DEVICE = 1_280  # predictions: eight seconds of a device
SERIES_A_PARTITION = 2


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
    load = Load(series=1, candles=40)
    one, two = (_per_s("windows", count, load) for count in (1, 2))
    rows = [Measurement("two workers, a window a candle", "1/s", "higher", two, "one worker", one, ">= 1.8 x")]
    alone = _per_s("simulated", 1, _device_load(1))
    for count in DEVICES[1:]:
        found = _per_s("simulated", count, _device_load(count))
        rows.append(
            Measurement(
                f"{count} simulated devices: share of {count} times one", "ratio", "higher", found / (count * alone),
                goal=">= 0.9" if count == max(DEVICES) else "",
            )
        )  # fmt: skip
    return rows


def _device_load(devices: int) -> Load:
    return Load(SERIES_A_PARTITION, devices * CANDLES_A_DEVICE // PARTITIONS // SERIES_A_PARTITION)


def _per_s(kind: str, workers: int, load: Load) -> float:
    """Predictions a second of so many workers, all of which have joined before there are rows."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker() as server:
        flags = {
            "system.log_level": "ERROR",
            "system.broker_url": server.url,
            "inference.bundle": str(write_untrained_bundle(Path(folder, "base"), "base")),
        }
        settings = load_settings(None, {}, flags)
        client, names = connect(server.url), Names()
        _admit(client, names, settings, load)
        environ = {**os.environ, **environment_of(settings), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "benchmarks.device", kind]
        children = [subprocess.Popen(command, env=environ) for _ in range(workers)]
        try:
            _await_workers(client, names, workers)
            make_rows(settings, ServiceContext(client, names), until_idle=True)
            return _measured(client, names, load)
        finally:
            for child in children:
                child.kill()
                child.wait()


def _await_workers(client: redis.Redis, names: Names, workers: int) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while len(live_members(client, names, "worker")) < workers:
        assert time.monotonic() < deadline, "the workers did not start"
        time.sleep(0.02)
    time.sleep(SETTLE_S)


def _measured(client: redis.Redis, names: Names, load: Load) -> float:
    deadline = time.monotonic() + READY_TIMEOUT_S
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


def _admit(client: redis.Redis, names: Names, settings: Settings, load: Load) -> None:
    """Admit every series' candles: their rows and predictions are left to do."""
    limits = AdmissionLimits(settings.system.max_backlog, 100, 100)
    admission = Admission(client, names, SystemClock(), limits)
    candles = sample_candles(WINDOW - 1 + load.candles, "M15", 1)
    room, at = dict.fromkeys(range(PARTITIONS), load.series), 0
    while any(room.values()):
        series = Series(f"S{at}", "M15")
        at += 1
        if room[series.partition]:
            room[series.partition] -= 1
            for first in range(0, len(candles), 256):
                admission.admit(series, candles[first : first + 256], 0, "bench")
