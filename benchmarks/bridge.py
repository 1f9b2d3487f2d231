"""A candle pushed over ZeroMQ to its signal at a client of the bridge, and what of it is the bridge's own."""

import time

import numpy as np

from benchmarks.live_system import LiveSystem, live_system
from benchmarks.measurement import Measurement
from bridge.events import Origin, Signal
from bridge.testing import ExpertAdvisor
from producer.sample import sample_candles
from shared.contracts import Candles, Series

HISTORY, CANDLES = 700, 500
SERIES = Series("EURUSD", "M15")
PAUSE_S = 0.005  # between a signal and the next candle: a market that is quiet, not a queue


def run() -> list[Measurement]:
    """Measure."""
    candles = sample_candles(HISTORY + CANDLES, SERIES.timeframe, 1)
    with live_system("base") as live:
        ea = ExpertAdvisor(live.settings.bridge.requests_bind, "ea", live.keys.bridge, live.keys.client)
        try:
            total_ms, own_ms = _push(live, ea, candles)
        finally:
            ea.close()
    rows = []
    for name, found, goal in (("in all", total_ms, ""), ("in the bridge", own_ms, "<= 2 ms")):
        p50, p99 = np.quantile(found, [0.5, 0.99])
        rows += [
            Measurement(f"pushed candle to signal, {name}, p50", "ms", "lower", float(p50), goal=goal),
            Measurement(f"pushed candle to signal, {name}, p99", "ms", "lower", float(p99)),
        ]
    return rows


def _push(live: LiveSystem, ea: ExpertAdvisor, candles: Candles) -> tuple[list[float], list[float]]:
    """Times of each candle in ms: until its signal came, and of it before admission and after the prediction."""
    for start in range(0, HISTORY, 100):
        ea.push(SERIES, candles[start : start + 100])
    live.await_signals(HISTORY - 95)
    total_ms, own_ms = [], []
    for at in range(HISTORY, len(candles)):
        time.sleep(PAUSE_S)
        pushed_us = time.time_ns() // 1_000
        ea.push(SERIES, candles[at : at + 1])
        signal = _next_signal(live)
        made = signal.line.prediction
        total_ms.append((signal.received_us - pushed_us) / 1_000)
        own_ms.append((made.admitted_us - pushed_us + signal.received_us - made.inferred_us) / 1_000)
    return total_ms, own_ms


def _next_signal(live: LiveSystem) -> Signal:
    events = live.client.events(idle_s=60.0)
    return next(event for event in events if isinstance(event, Signal) and event.origin is not Origin.SNAPSHOT)
