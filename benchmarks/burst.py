"""Many series closing in the same instant: the last signal at a ZeroMQ client, beside windows one after the other."""

import time

import numpy as np

from benchmarks.live_system import LiveSystem, live_system
from benchmarks.measurement import Measurement, best_seconds
from benchmarks.peers.plain_encoder import window_session
from feature_service.feature_set import FEATURE_SET
from producer.sample import sample_candles
from shared.contracts import WINDOW, Candles, Series

SIZES = (1, 10, 100, 500, 2_000)
ROUNDS = 5
GOALS = {500: "<= 150 ms"}


def run() -> list[Measurement]:
    """Measure: the median of a few rounds."""
    candles = sample_candles(WINDOW + ROUNDS * len(SIZES), "M15", 1)
    window_ms = _window_ms()
    rows = []
    with live_system("base") as live:
        series = [Series(f"S{at}", "M15") for at in range(max(SIZES))]
        _fill(live, series, candles[:WINDOW])
        newest = dict.fromkeys(series, WINDOW)
        for size in SIZES:
            taken_ms = []
            for _ in range(ROUNDS):
                batch = [(one, candles[newest[one] : newest[one] + 1]) for one in series[:size]]
                taken_ms.append(_last_signal_ms(live, batch))
                newest |= {one: newest[one] + 1 for one in series[:size]}
            rows.append(
                Measurement(
                    f"{size:,} series at once, last signal", "ms", "lower", float(np.median(taken_ms)),
                    "windows in onnxruntime, one core", size * window_ms, GOALS.get(size, ""),
                )
            )  # fmt: skip
    return rows


def _fill(live: LiveSystem, series: list[Series], candles: Candles) -> None:
    for start in range(0, len(series), 50):
        part = series[start : start + 50]
        live.publish([(one, candles) for one in part])
        live.await_signals(len(part))


def _last_signal_ms(live: LiveSystem, batch: list[tuple[Series, Candles]]) -> float:
    started_us = time.time_ns() // 1_000
    live.publish(batch)
    return (max(live.await_signals(len(batch))) - started_us) / 1_000


def _window_ms() -> float:
    session = window_session(threads=1)
    window = np.zeros((1, WINDOW, FEATURE_SET.size), np.float32)
    return 1e3 * best_seconds(lambda: session.run(None, {"rows": window}), repeats=20)
