"""Resident memory of a series in the running feature service: what 10,000 more of them add."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measurement import Measurement
from feature_service.feature_set import FEATURE_SET
from shared.admission import Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SystemClock
from shared.contracts import PARTITIONS, Candles, Series
from shared.names import Names
from shared.settings.groups import Settings
from shared.testing import broker_under_test, walk_candles

FIRST, SERIES, CANDLES = 1_000, 10_000, 4  # the first ones fill what is not a series'
GOAL = "<= 60"


def run() -> list[Measurement]:
    """Measure. The first candles of a series fill its whole buffer, so a few are enough."""
    with broker_under_test() as broker, tempfile.TemporaryFile() as log:
        names = Names("memory")
        flags = ["--set", "system.namespace=memory", "--broker", broker.url]
        command = [sys.executable, "-m", "natron", "feature-service", *flags]
        service = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            admission = _admission(broker.url, names)
            candles = walk_candles(CANDLES, seed=1)
            _admit(admission, [Series(f"F{at}", "M15") for at in range(FIRST)], candles)
            _await_rows(broker.url, names, CANDLES * FIRST)
            before = _resident_kb(service.pid)
            _admit(admission, [Series(f"S{at}", "M15") for at in range(SERIES)], candles)
            _await_rows(broker.url, names, CANDLES * (SERIES + FIRST))
            after = _resident_kb(service.pid)
        finally:
            service.terminate()
            service.wait()
    return [Measurement("feature service, a series", "KB", "lower", (after - before) / SERIES, goal=GOAL)]


def _admission(url: str, names: Names) -> Admission:
    limits = AdmissionLimits(Settings().system.max_backlog, 100, 100)
    return Admission(connect(url), names, SystemClock(), limits)


def _admit(admission: Admission, series: list[Series], candles: Candles) -> None:
    for one in series:
        admission.admit(one, candles, 0, "csv")


def _await_rows(url: str, names: Names, count: int) -> None:
    """Wait until so many rows have been made."""
    client = connect(url)
    logs = [names.features(p, FEATURE_SET.hash[:8]) for p in range(PARTITIONS)]
    while True:
        pipeline = client.pipeline(transaction=False)
        for key in logs:
            pipeline.execute_command("XLEN", key)
        if sum(pipeline.execute()) >= count:
            return
        time.sleep(0.2)


def _resident_kb(pid: int) -> float:
    """KB of 1,000 bytes."""
    lines = Path("/proc", str(pid), "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1.024 for line in lines if line.startswith("VmRSS"))
