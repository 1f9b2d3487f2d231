"""Memory of every process over 200,000 candles: at the end beside what it was at a fifth."""

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.measurement import Measurement
from feature_service.feature_set import FEATURE_SET
from natron.system import Shape, System
from natron.traffic import read_traffic
from producer.sample import sample_candles, write_candles
from shared.broker import connect
from shared.settings.loading import load_settings

CANDLES = 200_000
GOAL = "<= 1.1"


def run() -> list[Measurement]:
    """Measure."""
    flags = {
        "system.log_level": "ERROR",
        "bridge.signals_bind": "tcp://127.0.0.1:*",
        "bridge.requests_bind": "tcp://127.0.0.1:*",
    }
    settings = load_settings(None, {}, flags)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "long.csv")
        write_candles(sample_candles(CANDLES + 1, "M5", 1), path)
        with System(settings, Shape(workers=2), Path(folder, "keys.json"), Path(folder, "data")) as system:
            system.await_ready()
            fifth, end = _watch(system, path)
    return [
        Measurement(f"memory of {name}, end / fifth", "ratio", "lower", end[name] / fifth[name], goal=GOAL)
        for name in fifth
    ]


def _watch(system: System, path: Path) -> tuple[dict[str, float], dict[str, float]]:
    command = ["natron", "producer", "replay", "--csv", str(path), "--symbol", "LONG", "--timeframe", "M5", "--json"]
    client = connect(system.broker.url)
    replay = subprocess.Popen(command, env=system.environ(), stdout=subprocess.DEVNULL)
    fifth: dict[str, float] = {}
    while True:
        traffic = read_traffic(client, system.names, FEATURE_SET.hash[:8])
        if not fifth and traffic.published >= CANDLES // 5:
            fifth = _memory(system, client, replay.pid)
        if replay.poll() is None:
            last = _memory(system, client, replay.pid)
        elif traffic.published == traffic.due:
            return fifth, last | _memory(system, client, None)
        time.sleep(0.1)


def _memory(system: System, client: object, replay: int | None) -> dict[str, float]:
    """MB by process; the broker's own count beside its resident size."""
    pids = {name: pid for name, pid in system.pids().items() if name != "up"}
    if replay is not None:
        pids["producer"] = replay
    found = {}
    for name, pid in pids.items():
        status = Path("/proc", str(pid), "status")
        lines = status.read_text().splitlines() if status.exists() else []
        resident = [line for line in lines if line.startswith("VmRSS")]
        if resident:
            found[name] = int(resident[0].split()[1]) / 1_024
    found["broker used_memory"] = client.info("memory")["used_memory"] / 1e6  # type: ignore[attr-defined]
    return found
