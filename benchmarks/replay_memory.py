"""A replay of 200,000 candles of one series: memory of every process, the producer too, at the end beside a fifth."""

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.measurement import Measurement
from benchmarks.resident import resident_mb
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
        Measurement(f"a replay: memory of {name}, end / fifth", "ratio", "lower", end[name] / fifth[name], goal=GOAL)
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
            fifth = resident_mb(system, client, {"producer": replay.pid})
        if replay.poll() is None:
            last = resident_mb(system, client, {"producer": replay.pid})
        elif traffic.published == traffic.due:
            return fifth, last | resident_mb(system, client)
        time.sleep(0.1)
