"""A candle of the chart to the decision of the compiled Expert Advisor on it, its timer every 20 ms; needs g++.

The candles are of the past, so each signal is refused as too old: all that an order takes but sending it.
"""

import shutil
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.live_system import LiveSystem, live_system
from benchmarks.measurement import Measurement
from producer.sample import sample_candles
from shared.contracts import Candles, Series

MQL5 = Path(__file__).parents[1] / "mql5"
HISTORY, CANDLES = 700, 300
SERIES = Series("EURUSD", "M15")
TIMER_S, SERVER_S = 0.02, 7_200
PATIENCE_S = 60.0  # for one decision; the first one waits for the history


def run() -> list[Measurement]:
    """Measure; nothing where there is no compiler, or no source (in an installed wheel)."""
    if shutil.which("g++") is None or not (MQL5 / "harness").is_dir():
        return []
    sys.path.insert(0, str(MQL5))
    harness = import_module("harness.build"), import_module("harness.terminal")  # not in a wheel

    candles = sample_candles(HISTORY + CANDLES + 1, SERIES.timeframe, 1)
    with tempfile.TemporaryDirectory() as name, live_system("base") as live:
        binary = Path(name, "NatronEA")
        harness[0].build(MQL5 / "Experts" / "NatronEA.mq5", binary, strict=False)
        terminal = harness[1].Terminal(binary, Path(name))
        try:
            found = _act(terminal, live, candles)
        finally:
            terminal.kill()
    p50, p99 = np.quantile(found, [0.5, 0.99])
    return [
        Measurement("candle sent to Expert Advisor acted, p50", "ms", "lower", float(p50), goal="<= 35 ms"),
        Measurement("candle sent to Expert Advisor acted, p99", "ms", "lower", float(p99), goal="<= 50 ms"),
    ]


def _act(terminal: Any, live: LiveSystem, candles: Candles) -> list[float]:
    """Times of each candle in ms, from the timer event that pushes it to the one that decides on its signal."""
    bridge = live.settings.bridge
    ports = [address.rpartition(":")[2] for address in (bridge.signals_bind, bridge.requests_bind)]
    inputs = {
        "SignalsPort": ports[0], "RequestsPort": ports[1], "BridgeKey": live.keys.bridge.hex(),
        "ClientKey": live.keys.client.hex(), "ServerZone": 2,
        "ServerOffsetHours": SERVER_S // 3_600,
    }  # fmt: skip
    terminal.do("set simulated 1")  # its clock stands in the candles' time: a quote of today would open a bar of today
    terminal.do(f"set utc_ms {candles['t'][HISTORY]}")
    for at in range(HISTORY + 1):
        _open_candle(terminal, candles, at)
    terminal.quote()
    for name, value in inputs.items():
        terminal.do(f"input {name} {value}")
    assert terminal.do("init")[-1] == "= init 0"
    _await_decision(terminal, candles, HISTORY - 1)
    found = []
    for at in range(HISTORY, HISTORY + CANDLES):
        _open_candle(terminal, candles, at + 1)
        started = time.perf_counter()
        _await_decision(terminal, candles, at)
        found.append(1e3 * (time.perf_counter() - started))
    return found


def _open_candle(terminal: Any, candles: Candles, at: int) -> None:
    one = candles[at]
    prices = " ".join(f"{one[name]:.5f}" for name in "ohlc")
    terminal.do(f"candle {one['t'] // 1_000 + SERVER_S} {prices} {int(one['v']) or 1} 10")


def _await_decision(terminal: Any, candles: Candles, at: int) -> None:
    """Let timer events pass, one every 20 ms, until the signal of this candle is decided on."""
    text = f";refused;{SERIES.key}.{candles['t'][at]};"
    due_s = time.perf_counter()
    deadline = due_s + PATIENCE_S
    while not any(text in line for line in terminal.do("timer 1")):
        assert due_s < deadline, f"the Expert Advisor decided nothing about {text}"
        due_s += TIMER_S
        time.sleep(max(0.0, due_s - time.perf_counter()))
