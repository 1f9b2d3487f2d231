"""A bridge in a thread, its clients, and predictions to send."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pytest
import redis

from bridge.client import SignalClient
from bridge.events import Event, Resynchronised, Signal
from bridge.keys import Keys
from bridge.ledger import Ledger
from bridge.listener import Addresses
from bridge.service import Bridge
from bridge.stats import BridgeStats
from bridge.testing import ExpertAdvisor
from bridge.trust import Trust
from shared.clock import Clock, SystemClock
from shared.codec import encode_prediction
from shared.contracts import Prediction, Reason, Series
from shared.names import Names
from shared.settings.groups import BridgeSettings

START_MS = 1_600_000_200_000
PATIENCE_S = 30.0


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it does, without a guess at how long it takes."""
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "did not happen"
        pause.wait(0.005)


@dataclass
class Predictions:
    """Makes predictions that no two alike, and publishes them as the gate does."""

    client: redis.Redis
    names: Names
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def make(self, at: int, symbol: str = "EURUSD", timeframe: str = "M15", **changes: object) -> Prediction:
        def shares(count: int) -> tuple[float, ...]:
            return tuple(float(value) for value in self.rng.dirichlet(np.ones(count)).astype(np.float32))

        series = Series(symbol, timeframe)
        values: dict[str, object] = {
            "series": series, "t": START_MS // series.width_ms * series.width_ms + at * series.width_ms, "n": 96 + at,
            "buy_prob": shares(2)[0], "sell_prob": shares(2)[0], "direction_probs": shares(3),
            "regime_probs": shares(6), "outlook": (), "policy": (), "reasons": int(Reason.REPLAY),
            "bundle": "tiny-1.2", "feature_set": "0a" * 32, "admitted_us": 1_000_000, "row_us": 1_000_050,
            "queued_us": 1_000_100, "inferred_us": 1_001_000,
        }  # fmt: skip
        return Prediction(**(values | changes))  # type: ignore[arg-type]

    def publish(self, *predictions: Prediction) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for prediction in predictions:
            p, message = prediction.series.partition, encode_prediction(prediction)
            pipeline.xadd(self.names.predictions(p), {"m": message})
            pipeline.hset(self.names.latest(p), prediction.series.key, message)
        pipeline.execute()

    def series(self, count: int, start: int = 0, **changes: object) -> list[Prediction]:
        made = [self.make(at, **changes) for at in range(start, start + count)]
        self.publish(*made)
        return made


@dataclass
class RunningBridge:
    """One bridge in a thread."""

    bridge: Bridge
    addresses: Addresses
    stop: threading.Event
    thread: threading.Thread
    security: str = "none"

    @property
    def stats(self) -> BridgeStats:
        return self.bridge.stats

    @property
    def ledger(self) -> Ledger:
        """What the session under way has sent."""
        found = self.bridge._broadcast.ledger
        assert found is not None
        return found

    def end(self) -> None:
        self.stop.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


StartBridge = Callable[..., RunningBridge]
Connect = Callable[..., Iterator[Event]]


@pytest.fixture
def keys() -> Keys:
    return Keys(bytes(range(32)), bytes(range(32, 64)))


@pytest.fixture
def predictions(broker) -> Predictions:
    return Predictions(broker.client, broker.names)


@pytest.fixture
def start_bridge(broker, keys: Keys) -> Iterator[StartBridge]:
    running: list[RunningBridge] = []

    def start(
        *,
        url: str = broker.url,
        clock: Clock | None = None,
        at: Addresses | None = None,
        trust: Trust = keys,
        changes: dict[str, object] | None = None,
        **options: object,
    ) -> RunningBridge:
        at = at or Addresses("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
        settings = BridgeSettings(signals_bind=at.signals, requests_bind=at.requests, **(changes or {}))
        stop, ready, bound = threading.Event(), threading.Event(), []
        bridge = Bridge(
            url, broker.names, settings, trust, clock=clock or SystemClock(), stop=stop, **options  # type: ignore[arg-type]
        )  # fmt: skip

        def on_ready(addresses: Addresses) -> None:
            bound.append(addresses)
            ready.set()

        thread = threading.Thread(target=bridge.serve, args=(on_ready,), daemon=True)
        thread.start()
        assert ready.wait(PATIENCE_S)
        running.append(RunningBridge(bridge, bound[0], stop, thread))
        return running[-1]

    yield start
    for one in running:
        one.end()


@dataclass
class Listening:
    """A client and its events, taken one by one."""

    client: SignalClient
    events: Iterator[Event]

    def next(self) -> Event:
        return next(self.events)

    def signals(self, count: int) -> list[Signal]:
        taken: list[Signal] = []
        while len(taken) < count:
            event = self.next()
            if isinstance(event, Signal):
                taken.append(event)
        return taken

    def resynchronised(self) -> Resynchronised:
        while not isinstance(event := self.next(), Resynchronised):
            pass
        return event


@pytest.fixture
def connect(keys: Keys) -> Iterator[Callable[..., Listening]]:
    with ExitStack() as stack:

        def make(bridge: RunningBridge, symbol: str | None = None, **options: object) -> Listening:
            client = SignalClient(bridge.addresses, keys, symbol=symbol, **options)  # type: ignore[arg-type]
            stack.enter_context(client)
            return Listening(client, client.events())

        yield make


@pytest.fixture
def advisor(keys: Keys) -> Iterator[Callable[..., ExpertAdvisor]]:
    with ExitStack() as stack:

        def make(
            bridge: RunningBridge,
            name: str = "ea",
            key: bytes = keys.client,
            bridge_key: bytes = keys.bridge,
            login: tuple[str, str] | None = None,
        ) -> ExpertAdvisor:
            made = ExpertAdvisor(bridge.addresses.requests, name, bridge_key, key, login)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture(name="eventually")
def _eventually() -> Callable[[Callable[[], bool]], None]:
    return eventually
