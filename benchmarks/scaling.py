"""More workers: real ones on this machine's cores, and simulated devices of 100 ms a batch that outnumber them."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

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
REPEATS = 3
SETTLE_S = 3.0  # until all know of all and have shared the partitions
CANDLES_A_DEVICE = 2_048  # predictions: 13 s of a device, 32 a partition even for one, so that its batches are whole
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
    return [_windows(), *_devices()]


def _windows() -> Measurement:
    """Two workers beside one, in turn: a machine that is slow for a minute is slow for both."""
    load = Load(series=1, candles=40)
    pairs = [[_per_s("windows", count, load) for count in (1, 2)] for _ in range(REPEATS)]
    one, two = (median(found) for found in zip(*pairs, strict=True))
    return Measurement("two workers, a window a candle", "1/s", "higher", two, "one worker", one, ">= 1.8 x")


def _devices() -> list[Measurement]:
    """Many devices beside one, which is measured before, between and after them: the median counts."""
    alone = [_per_s("simulated", 1, _device_load(1))]
    found = {}
    for count in DEVICES[1:]:
        found[count] = _per_s("simulated", count, _device_load(count))
        alone.append(_per_s("simulated", 1, _device_load(1)))
    return [
        Measurement(
            f"{count} simulated devices: share of {count} times one",
            "ratio",
            "higher",
            per_s / (count * median(alone)),
            goal=">= 0.9" if count == max(DEVICES) else "",
        )
        for count, per_s in found.items()
    ]


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
