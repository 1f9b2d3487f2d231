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
PAUSE_S = 0.005  # between a signal and the next candle: a market that is quiet, not a queue


def run() -> list[Measurement]:
    """Measure."""
    candles = sample_candles(HISTORY + CANDLES, "M15", 1)
    with live_system("base") as live:
        taken_ms = _candle_to_signal_ms(live, candles)
    peer_ms = _http_ms(candles)
    peer = "pandas and torch over HTTP"
    p50, p99 = np.quantile(taken_ms, [0.5, 0.99])
    peer_p50, peer_p99 = np.quantile(peer_ms, [0.5, 0.99])
    return [
        Measurement("candle to signal, p50", "ms", "lower", float(p50), peer, float(peer_p50), "<= 3 ms"),
        Measurement("candle to signal, p99", "ms", "lower", float(p99), peer, float(peer_p99), "<= 10 ms"),
    ]


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
