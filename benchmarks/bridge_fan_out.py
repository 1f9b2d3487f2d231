"""Ten predictions in the log at once to the last of fifty clients that subscribe to all ten symbols, and its gaps."""

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
from bridge.lines import SignalLine, decode_line, symbol_topics
from bridge.listener import Addresses
from bridge.service import Bridge
from shared.clock import SystemClock
from shared.codec import encode_prediction
from shared.contracts import Prediction, Reason, Series
from shared.names import Names
from shared.settings.groups import BridgeSettings
from shared.testing import BrokerUnderTest, broker_under_test

CLIENTS, SYMBOLS, CLOSES = 50, 10, 200
WARM_UP = 20
PAUSE_S = 0.005  # between two closes
LOST_S = 5.0  # without a line: it does not come any more


def run() -> list[Measurement]:
    """Measure."""
    with broker_under_test() as broker, _bridge(broker) as (addresses, key), ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        clients = [_Client(stack, context, addresses, key) for _ in range(CLIENTS)]
        found = [_fan_out_ms(broker.client, broker.names, clients, at) for at in range(CLOSES)]
    p50, p99 = np.quantile(found[WARM_UP:], [0.5, 0.99])
    name = f"{SYMBOLS} predictions at once to the last of {CLIENTS} clients"
    gaps = sum(one.gaps + one.unheard for one in clients)
    return [
        Measurement(f"{name}, p50", "ms", "lower", float(p50)),
        Measurement(f"{name}, p99", "ms", "lower", float(p99), goal="<= 20 ms"),
        Measurement(f"gaps in the {CLIENTS * SYMBOLS * CLOSES:,} lines of it", "lines", "lower", float(gaps), goal="0"),
    ]


@contextmanager
def _bridge(broker: BrokerUnderTest) -> Iterator[tuple[Addresses, bytes]]:
    """Where a running bridge listens, and the key of its lines."""
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
            yield bound[0], keys.bridge
        finally:
            stop.set()
            thread.join()


class _Client:
    """A client of ten symbols, which has heard a heartbeat of each."""

    def __init__(self, stack: ExitStack, context: "zmq.Context[zmq.Socket[bytes]]", at: Addresses, key: bytes) -> None:
        self._key, self.gaps = key, 0
        self._seqs = dict.fromkeys((f"S{at}" for at in range(SYMBOLS)), 0)
        self._socket = stack.enter_context(context.socket(zmq.SUB))
        self._socket.connect(at.signals)
        for symbol in self._seqs:
            self._socket.subscribe(symbol_topics(symbol))
        beaten: set[bytes] = set()
        while len(beaten) < SYMBOLS:
            beaten.add(self._socket.recv_multipart()[0])

    def take(self, count: int) -> list[bytes]:
        """The next lines of predictions; fewer where some are lost."""
        taken: list[bytes] = []
        deadline_s = time.monotonic() + LOST_S
        while len(taken) < count and self._socket.poll(max(0, round(1e3 * (deadline_s - time.monotonic())))):
            topic, line = self._socket.recv_multipart()
            if not topic.endswith(b".hb"):
                taken.append(line)
        return taken

    @property
    def unheard(self) -> int:
        """Lines after the newest that came."""
        return sum(CLOSES - seq for seq in self._seqs.values())

    def number(self, lines: list[bytes]) -> None:
        """Count what is missing before each line."""
        for data in lines:
            line = decode_line(data, self._key)
            assert isinstance(line, SignalLine)
            symbol = line.prediction.series.symbol
            self.gaps += line.seq - self._seqs[symbol] - 1
            self._seqs[symbol] = line.seq


def _fan_out_ms(client: redis.Redis, names: Names, clients: list[_Client], at: int) -> float:
    """Publish a prediction of each symbol as the gate does, and wait until every client has all."""
    time.sleep(PAUSE_S)
    pipeline = client.pipeline(transaction=False)
    for number in range(SYMBOLS):
        one = _prediction(f"S{number}", at)
        pipeline.xadd(names.predictions(one.series.partition), {"m": encode_prediction(one)})
    started = time.perf_counter()
    pipeline.execute()
    found = [one.take(SYMBOLS) for one in clients]
    spent_ms = 1e3 * (time.perf_counter() - started)
    for taker, lines in zip(clients, found, strict=True):
        taker.number(lines)
    return spent_ms


def _prediction(symbol: str, at: int) -> Prediction:
    series = Series(symbol, "M15")
    return Prediction(
        series, (1 + at) * series.width_ms, 96 + at, 0.5, 0.4, (0.2, 0.3, 0.5), (0.5, 0.1, 0.1, 0.1, 0.1, 0.1), (), (),
        int(Reason.REPLAY), "bench", "0a" * 32, 1, 2, 3, 4,
    )  # fmt: skip
