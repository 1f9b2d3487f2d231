"""A prediction in the log to the last of fifty clients that subscribe to its symbol, one of ten each has."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import redis
import zmq

from benchmarks.measurement import Measurement
from bridge.keys import load_or_create_keys
from bridge.lines import symbol_topics
from bridge.listener import Addresses
from bridge.service import Bridge
from shared.clock import SystemClock
from shared.codec import encode_prediction
from shared.contracts import Prediction, Reason, Series
from shared.names import Names
from shared.settings.groups import BridgeSettings
from shared.testing import BrokerUnderTest, broker_under_test

CLIENTS, SYMBOLS, PREDICTIONS = 50, 10, 400
PAUSE_S = 0.005


def run() -> list[Measurement]:
    """Measure."""
    with broker_under_test() as broker, _bridge(broker) as addresses, ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        sockets = [_subscribed(stack, context, addresses) for _ in range(CLIENTS)]
        found = [_fan_out_ms(broker.client, broker.names, sockets, at) for at in range(PREDICTIONS)]
    p50, p99 = np.quantile(found[20:], [0.5, 0.99])  # the first ones warm it up
    name = f"prediction to the last of {CLIENTS} clients"
    return [
        Measurement(f"{name}, p50", "ms", "lower", float(p50)),
        Measurement(f"{name}, p99", "ms", "lower", float(p99), goal="<= 20 ms"),
    ]


@contextmanager
def _bridge(broker: BrokerUnderTest) -> Iterator[Addresses]:
    settings = BridgeSettings(signals_bind="tcp://127.0.0.1:*", requests_bind="tcp://127.0.0.1:*")
    stop, ready, bound = threading.Event(), threading.Event(), list[Addresses]()

    def on_ready(addresses: Addresses) -> None:
        bound.append(addresses)
        ready.set()

    with tempfile.TemporaryDirectory() as folder:
        keys = load_or_create_keys(Path(folder, "keys.json"))
        bridge = Bridge(broker.url, broker.names, settings, keys, clock=SystemClock(), stop=stop)
        thread = threading.Thread(target=bridge.serve, args=(on_ready,))
        thread.start()
        ready.wait()
        try:
            yield bound[0]
        finally:
            stop.set()
            thread.join()


def _subscribed(
    stack: ExitStack, context: "zmq.Context[zmq.Socket[bytes]]", addresses: Addresses
) -> "zmq.Socket[bytes]":
    """A client of ten symbols, which has heard a heartbeat of each."""
    socket = stack.enter_context(context.socket(zmq.SUB))
    socket.connect(addresses.signals)
    for at in range(SYMBOLS):
        socket.subscribe(symbol_topics(f"S{at}"))
    beaten: set[bytes] = set()
    while len(beaten) < SYMBOLS:
        beaten.add(socket.recv_multipart()[0])
    return socket


def _fan_out_ms(client: redis.Redis, names: Names, sockets: "list[zmq.Socket[bytes]]", at: int) -> float:
    """Publish one prediction as the gate does, and wait until every client has it."""
    time.sleep(PAUSE_S)
    one = _prediction(at)
    started = time.perf_counter()
    client.xadd(names.predictions(one.series.partition), {"m": encode_prediction(one)})
    for socket in sockets:
        while socket.recv_multipart()[0].endswith(b".hb"):
            pass
    return 1e3 * (time.perf_counter() - started)


def _prediction(at: int) -> Prediction:
    series = Series(f"S{at % SYMBOLS}", "M15")
    return Prediction(
        series, (1 + at) * series.width_ms, 96 + at, 0.5, 0.4, (0.2, 0.3, 0.5), (0.5, 0.1, 0.1, 0.1, 0.1, 0.1), (), (),
        int(Reason.REPLAY), "bench", "0a" * 32, 1, 2, 3, 4,
    )  # fmt: skip
