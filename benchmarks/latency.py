"""Candle published to signal at a ZeroMQ client, one series, beside a service that recomputes it over HTTP."""

import http.client
import json
import subprocess
import sys
import time

import numpy as np

from benchmarks.live_system import LiveSystem, live_system
from benchmarks.measurement import Measurement
from producer.sample import sample_candles
from shared.contracts import Candles, Series

HISTORY, CANDLES, PEER_REQUESTS = 700, 500, 20
PEER = "pandas and torch over HTTP"
PAUSE_S = 0.005  # between a signal and the next candle: a market that is quiet, not a queue


def run() -> list[Measurement]:
    """Measure: the largest model beside the peer's, which is as large, and that of the reference bundle."""
    candles = sample_candles(HISTORY + CANDLES, "M15", 1)
    taken = {}
    for preset in ("base", "small"):
        with live_system(preset) as live:
            taken[preset] = np.quantile(_candle_to_signal_ms(live, candles), [0.5, 0.99])
    peer = np.quantile(_http_ms(candles), [0.5, 0.99])
    rows = []
    for at, (name, goal) in enumerate((("p50", "<= 3 ms"), ("p99", "<= 10 ms"))):
        base, small = float(taken["base"][at]), float(taken["small"][at])
        rows += [
            Measurement(f"candle to signal, {name}", "ms", "lower", base, PEER, float(peer[at]), goal),
            Measurement(f"candle to signal, {name}, preset small", "ms", "lower", small),
        ]
    return rows


def _candle_to_signal_ms(live: LiveSystem, candles: Candles) -> list[float]:
    series = Series("EURUSD", "M15")
    for start in range(0, HISTORY, 100):
        live.publish([(series, candles[start : start + 100])])
    live.await_signals(HISTORY - 95)
    found = []
    for at in range(HISTORY, HISTORY + CANDLES):
        time.sleep(PAUSE_S)
        published_us = time.time_ns() // 1_000
        live.publish([(series, candles[at : at + 1])])
        found.append((live.await_signals(1)[0] - published_us) / 1_000)
    return found


def _http_ms(candles: Candles) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.peers.http_predictor"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        connection = http.client.HTTPConnection("127.0.0.1", int(server.stdout.readline()))
        found = []
        for at in range(PEER_REQUESTS):
            started = time.perf_counter()
            window = [[float(candle[name]) for name in "ohlcv"] for candle in candles[at : at + HISTORY]]
            connection.request("POST", "/", json.dumps({"candles": window}))
            connection.getresponse().read()
            found.append(1e3 * (time.perf_counter() - started))
        server.terminate()
    return found[1:]  # the first one warms it up
