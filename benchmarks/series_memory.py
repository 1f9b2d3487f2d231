"""Memory of a live series, all services and the broker together: what a thousand more of them add.

Logs and the bridge's rings are bounded for all series together, so they are full before the first look: while they
fill, they would be counted as their series'.
"""

import re
from pathlib import Path

from benchmarks.live_system import LiveSystem, live_system
from benchmarks.measurement import Measurement
from feature_service.feature_set import FEATURE_SET
from producer.sample import sample_candles
from shared.contracts import WINDOW, Candles, Series

FIRST, MORE = 600, 1_000
KEEP = 1_000
"""Of every log: the first series fill a partition's, and with 260,000 predictions the bridge's rings of all symbols."""
CANDLES = FEATURE_SET.lookback + WINDOW + 10  # so that histories, windows and caches are full
STEP = 50


def run() -> list[Measurement]:
    """Measure. The reference size, ``base``: caches are the largest there."""
    candles = sample_candles(CANDLES, "M15", 1)
    flags = {f"system.{name}_keep": str(KEEP) for name in ("log", "predictions", "reject")}
    with live_system("base", flags=flags) as live:
        _fill(live, range(FIRST), candles)
        before = _memory_kb(live)
        _fill(live, range(FIRST, FIRST + MORE), candles)
        after = _memory_kb(live)
    rows = [
        Measurement(f"memory a series, {name}", "KB", "lower", (after[name] - before[name]) / MORE) for name in after
    ]
    total = (sum(after.values()) - sum(before.values())) / MORE
    return [*rows, Measurement("memory a series, all", "KB", "lower", total, goal="<= 400 KB")]


def _fill(live: LiveSystem, numbers: range, candles: Candles) -> None:
    for first in range(numbers.start, numbers.stop, STEP):
        series = [Series(f"S{at}", "M15") for at in range(first, first + STEP)]
        for start in range(0, CANDLES, 100):
            live.publish([(one, candles[start : start + 100]) for one in series])
        live.await_signals(len(series) * (CANDLES - WINDOW + 1))


def _memory_kb(live: LiveSystem) -> dict[str, float]:
    """Proportional set size of each process, kB."""
    pids = {name: pid for name, pid in live.system.pids().items() if name != "up"}
    found = {}
    for name, pid in pids.items():
        text = Path("/proc", str(pid), "smaps_rollup").read_text()
        found[name] = float(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1])  # type: ignore[index]
    return found
