"""A gateway of the reference bundle, alone or beside a running system."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from feature_service.feature_set import FEATURE_SET
from feature_service.service import run as run_features
from gateway.service import build
from gateway.testing import GatewayUnderTest
from inference_worker.service import run as run_worker
from natron.traffic import read_traffic
from producer.sample import sample_candles
from shared.admission import Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SystemClock
from shared.codec import encode_prediction
from shared.contracts import Candles, Prediction, Series
from shared.errors import BusyError
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest, broker_under_test

PATIENCE_S = 120.0
SOURCE = "ea:test"


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it does, without a guess at how long it takes."""
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "did not happen"
        pause.wait(0.02)


@pytest.fixture(scope="session", name="eventually")
def eventually_fixture() -> Callable[[Callable[[], bool]], None]:
    """Waiting, for tests."""
    return eventually


def settings_with(broker: str = "", **flags: str) -> Settings:
    """Settings of a gateway; ``broker`` is its URL, ``monitor_key_file`` that of the whole system."""
    groups = {"monitor_key_file": "system"}
    named = {f"{groups.get(name, 'gateway')}.{name}": value for name, value in flags.items()}
    quick = {"inference.runtime": "cpu", "inference.threads": "1"}
    return load_settings(None, {}, {**named, **quick, "system.broker_url": broker})


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[..., GatewayUnderTest]]:
    """Start a gateway with these settings."""
    running: list[GatewayUnderTest] = []

    def begin(broker: str = "", at_port: int = 0, **flags: str) -> GatewayUnderTest:
        running.append(GatewayUnderTest(build(settings_with(broker, **flags), SystemClock()), at_port))
        return running[-1]

    yield begin
    for gateway in running:
        gateway.stop()


@pytest.fixture(scope="session")
def gateway(start: Callable[..., GatewayUnderTest]) -> GatewayUnderTest:
    """One for all tests that change nothing."""
    return start()


def fresh_candles(count: int, timeframe: str = "M15", seed: int = 1, behind: int = 0) -> Candles:
    """(count,) candles of which the last one is the newest that has closed, or ``behind`` candles older."""
    candles = sample_candles(count, timeframe, seed)
    width_ms = Series("X", timeframe).width_ms
    last_t = int(time.time() * 1_000) // width_ms * width_ms - (1 + behind) * width_ms
    candles["t"] = last_t - width_ms * np.arange(count)[::-1]
    return candles


@pytest.fixture(scope="session")
def fresh() -> Callable[..., Candles]:
    """To make fresh candles."""
    return fresh_candles


@dataclass
class Crowd:
    """Two hundred series in a broker of their own, whose predictions a test publishes as the gate does."""

    broker: BrokerUnderTest
    series: list[Series] = field(default_factory=lambda: [Series(f"S{at:03}", "M15") for at in range(200)])

    def __len__(self) -> int:
        return len(self.series)

    def fill(self) -> None:
        limits = AdmissionLimits(16_384, 100, 100)
        admission = Admission(self.broker.client, self.broker.names, SystemClock(), limits)
        candles = fresh_candles(2)
        for at in range(0, len(self.series), 50):
            admission.admit_all([(one, candles) for one in self.series[at : at + 50]], 0, SOURCE)

    def publish(self, tenths: int) -> None:
        """A prediction of every series, with ``buy_prob`` so many tenths."""
        t, now_us = int(fresh_candles(1)["t"][-1]), time.time_ns() // 1_000
        pipeline = self.broker.client.pipeline(transaction=False)
        for series in self.series:
            prediction = Prediction(
                series, t, 600 + tenths, tenths / 10, 0.2, (0.2, 0.5, 0.3), (0.1, 0.2, 0.3, 0.2, 0.1, 0.1),
                (0.4, 0.3, 0.2), (), 0, "tiny", "0a" * 32, now_us, now_us, now_us, now_us,
            )  # fmt: skip
            message = encode_prediction(prediction)
            pipeline.xadd(self.broker.names.predictions(series.partition), {"m": message})
            pipeline.hset(self.broker.names.latest(series.partition), series.key, message)
        pipeline.execute()


@pytest.fixture
def crowd(broker: BrokerUnderTest) -> Crowd:
    """Two hundred live series."""
    found = Crowd(broker)
    found.fill()
    return found


@dataclass
class RunningSystem:
    """A broker, and a feature service and a worker in threads."""

    broker: BrokerUnderTest
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        settings = settings_with(self.broker.url)
        for run in (run_features, run_worker):
            context = ServiceContext(connect(self.broker.url), self.broker.names, stop=self.stop)
            thread = threading.Thread(target=run, args=(settings, context), daemon=True)
            thread.start()
            self.threads.append(thread)

    def admit(self, series: Series, candles: Candles, flags: int = 0) -> None:
        """Admit candles, waiting where the system is behind."""
        limits = AdmissionLimits(16_384, 100, 100)
        admission = Admission(self.broker.client, self.broker.names, SystemClock(), limits)
        for at in range(0, len(candles), 256):
            eventually(lambda at=at: self._took(admission, series, candles[at : at + 256], flags))

    def _took(self, admission: Admission, series: Series, candles: Candles, flags: int) -> bool:
        try:
            admission.admit(series, candles, flags, SOURCE)
        except BusyError:
            return False
        return True

    def settle(self) -> None:
        """Wait until every candle that must have a prediction has one."""

        def settled() -> bool:
            traffic = read_traffic(self.broker.client, self.broker.names, FEATURE_SET.hash[:8])
            return traffic.published == traffic.due

        eventually(settled)

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture(scope="session")
def system() -> Iterator[RunningSystem]:
    """A system with three series: a live one, one that is silent, and a replay with odd letters in its name."""
    with broker_under_test() as broker:
        running = RunningSystem(broker)
        running.begin()
        running.admit(Series("EURUSD", "M15"), fresh_candles(800))
        running.admit(Series("GOLD.r", "H1"), fresh_candles(120, "H1", 2, behind=9))
        running.admit(Series("BTC/USDT", "M5"), sample_candles(200, "M5", 3), flags=1)
        running.settle()
        yield running
        running.end()


@pytest.fixture(scope="session")
def shown(start: Callable[..., GatewayUnderTest], system: RunningSystem) -> GatewayUnderTest:
    """A gateway beside that system."""
    gateway = start(system.broker.url)
    eventually(lambda: gateway.ask("GET", "/readyz")[0] == 200)
    return gateway
