"""Candles through the whole system at full speed: a year of one series, and many series at once."""

import tempfile
import time
from pathlib import Path

from benchmarks.live_system import live_system
from benchmarks.measurement import Measurement
from natron.demo import DemoRequest, run_demo
from producer.sample import sample_candles, write_candles
from shared.contracts import WINDOW, Series
from shared.settings.loading import load_settings

CANDLES = 25_000
SERIES, CANDLES_EACH = 2_000, 700
STEP = 20  # candles of each series in one round


def run() -> list[Measurement]:
    """Measure."""
    settings = load_settings(None, {}, {"system.log_level": "ERROR"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "year.csv")
        write_candles(sample_candles(CANDLES + 1, "M15", 1), path)
        result = run_demo(DemoRequest(path, Series("SAMPLE", "M15"), None, None), settings)
    assert result.sound, result
    return [
        Measurement("replay of 25,000 candles, admission to client", "s", "lower", result.seconds, goal="<= 15 s"),
        Measurement("candles through the system", "1/s", "higher", CANDLES / result.seconds),
        Measurement(
            f"predictions of {SERIES:,} series x {CANDLES_EACH} candles, base", "1/s", "higher", _many_series_per_s(),
            goal=">= 4,000",
        ),
    ]  # fmt: skip


def _many_series_per_s() -> float:
    candles = sample_candles(CANDLES_EACH, "M15", 1)
    series = [Series(f"S{at}", "M15") for at in range(SERIES)]
    due = 0
    with live_system("base") as live:
        started = time.perf_counter()
        for start in range(0, CANDLES_EACH, STEP):
            for first in range(0, SERIES, 100):
                live.publish([(one, candles[start : start + STEP]) for one in series[first : first + 100]])
            ready = SERIES * max(0, start + STEP - WINDOW + 1)
            if ready > due:
                live.await_signals(ready - due)
                due = ready
        return due / (time.perf_counter() - started)
