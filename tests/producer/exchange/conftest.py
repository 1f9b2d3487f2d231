"""A local exchange, a feed from it into a real broker, and proof that nothing else was called."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from producer.exchange.dialects import Dialect
from producer.exchange.request import FeedRequest
from producer.exchange.service import run
from producer.exchange.testing import BINANCE, ExchangeClock, LocalExchange, Market
from shared.broker import fields_of
from shared.codec import decode_candle
from shared.contracts import CANDLE_DTYPE, Candles, Series
from shared.metrics import FeedMetrics
from shared.service import ServiceContext
from shared.settings.groups import ExchangeSettings, Settings, SystemSettings
from shared.testing import BrokerUnderTest, walk_candles

HISTORY = 40
PATIENCE_S = 60.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_abroad: list[str] = []
_watching = threading.Event()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every address but loopback while a test of this folder runs; a hook cannot be taken out again."""
    if not _watching.is_set():
        return
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # else a Unix socket
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
    else:
        return
    if host is not None and host not in LOOPBACK:
        _abroad.append(f"{event} {host}")
        raise PermissionError(f"tests must not reach {host}")


sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def only_loopback() -> Iterator[list[str]]:
    """Fail on any other connect or look-up, even one whose error was swallowed."""
    _abroad.clear()
    _watching.set()
    yield _abroad
    _watching.clear()
    assert not _abroad


def await_true(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
        time.sleep(0.005)


@pytest.fixture(name="await_true", scope="session")
def await_true_fixture() -> Callable[[Callable[[], bool], str], None]:
    """Polling, for tests."""
    return await_true


def make_market(market_id: str, seed: int, at: int = 150, count: int = 400) -> Market:
    truth = walk_candles(count, seed=seed, width_ms=60_000)
    truth["v"] *= 0.001
    return Market(market_id, truth, at)


@pytest.fixture
def dialect() -> Dialect:
    """What the exchange speaks; tests of others say so."""
    return BINANCE


@pytest.fixture
def exchange(dialect: Dialect) -> Iterator[LocalExchange]:
    """Two markets, 150 candles old."""
    with LocalExchange([make_market("BTCUSDT", 1), make_market("ETHUSDT", 2)], dialect) as local:
        yield local


def quick(**changes: Any) -> ExchangeSettings:
    """Deadlines of a test."""
    values = {
        "timeout_s": 1.0, "retry_first_s": 0.02, "retry_max_s": 0.2, "ping_s": 0.1, "deadline_s": 0.5,
        "steady_s": 0.5, "silence_s": 30.0, "watch_s": 0.02,
    }  # fmt: skip
    return ExchangeSettings(**(values | changes))


@pytest.fixture
def quick_settings() -> Callable[..., ExchangeSettings]:
    """To change some."""
    return quick


@dataclass
class RunningFeed:
    """A feed in a thread."""

    exchange: LocalExchange
    broker: BrokerUnderTest
    series: dict[str, Series]  # market id ->
    metrics: FeedMetrics = field(default_factory=FeedMetrics)
    stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    errors: list[BaseException] = field(default_factory=list)

    def start(self, settings: Settings, request: FeedRequest, calendars: Any) -> None:
        clock = ExchangeClock(self.exchange.markets["BTCUSDT"])
        context = ServiceContext(self.broker.client, self.broker.names, clock, self.stopping)

        def job() -> None:
            try:
                run(settings, request, context, random=Random(7), calendars=calendars, metrics=self.metrics)
            except BaseException as error:  # noqa: BLE001 - shown by the fixture
                self.errors.append(error)

        self.thread = threading.Thread(target=job)
        self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        if self.thread is not None:
            self.thread.join(PATIENCE_S)
            assert not self.thread.is_alive()

    def admitted(self, market_id: str = "BTCUSDT") -> Candles:
        """The series' history in the broker."""
        series = self.series[market_id]
        found = []
        for entry in self.broker.client.xrange(self.broker.names.history(series.partition, series.key)):
            fields = fields_of(entry)
            candle = decode_candle(fields[b"m"], fields[b"n"], b"0")
            found.append((candle.t, candle.o, candle.h, candle.l, candle.c, candle.v))
        return np.array(found, CANDLE_DTYPE)

    def whole(self, market_id: str = "BTCUSDT") -> bool:
        """Whether the newest closed candle has arrived."""
        market, admitted = self.exchange.markets[market_id], self.admitted(market_id)
        return bool(len(admitted)) and admitted["t"][-1] == market.truth["t"][market.at - 1]

    def await_whole(self) -> None:
        """Wait for every market, then check the law."""
        for market_id in self.series:
            await_true(lambda market_id=market_id: self.whole(market_id) or bool(self.errors), f"{market_id} whole")
        assert not self.errors
        self.check()

    def check(self) -> None:
        """What is admitted is the exchange's closed candles: in order, each once, none unfinished, no hole."""
        for market_id in self.series:
            market, admitted = self.exchange.markets[market_id], self.admitted(market_id)
            closed = market.truth[: market.at]
            assert len(admitted) >= HISTORY
            begin = int(np.searchsorted(closed["t"], admitted["t"][0]))
            assert np.array_equal(admitted, closed[begin : begin + len(admitted)])

    def await_subscribed(self) -> None:
        await_true(lambda: set(self.series) <= self.exchange.subscribed, "subscribed")

    def rejects(self, market_id: str = "BTCUSDT") -> list[str]:
        names, series = self.broker.names, self.series[market_id]
        return [
            fields_of(entry)[b"reason"].decode() for entry in self.broker.client.xrange(names.rejects(series.partition))
        ]


@pytest.fixture
def start_feed(
    exchange: LocalExchange, broker: BrokerUnderTest, tmp_path: Path
) -> Iterator[Callable[..., RunningFeed]]:
    """Start feeds; they are stopped, and checked, at the end."""
    running: list[RunningFeed] = []

    def start(
        markets: tuple[str, ...] = ("BTCUSDT", "ETHUSDT"), calendars: Any = None,
        **changes: Any,
    ) -> RunningFeed:  # fmt: skip
        (tmp_path / "options.json").write_text(json.dumps(exchange.options))
        series = {market: Series(f"{market.removesuffix('USDT')}/USDT", "M1") for market in markets}
        feed = RunningFeed(exchange, broker, series)
        settings = Settings(
            system=SystemSettings(broker_url=broker.url),
            exchange=quick(options=str(tmp_path / "options.json"), **changes),
        )
        request = FeedRequest(exchange.dialect.id, {one.symbol: one for one in series.values()}, HISTORY)
        running.append(feed)
        feed.start(settings, request, calendars)
        return feed

    yield start
    for feed in running:
        feed.stop()
        feed.check()
        assert not feed.errors
