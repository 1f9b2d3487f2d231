"""Everything at once: the EA's candles become rows, predictions, signals, orders and acks, and all say the same.

The feature service, the worker and the bridge are the real ones, over real sockets and a real broker. The bridge and
the terminal live in simulated time.
"""

import threading
import time

import numpy as np
import pytest
import zmq
from harness.bridge_double import TerminalClock
from harness.terminal import START_MS, Terminal

from bridge.ea_lines import PresenceLine
from bridge.enrolment import enroll
from bridge.handout import ea_inputs
from bridge.lines import encode_line
from bridge.service import Bridge
from feature_service.service import run as run_features
from inference_worker.service import run as run_worker
from producer.sample import sample_candles
from shared.ack_log import AckLog
from shared.broker import connect
from shared.contracts import WINDOW, Series
from shared.membership import live_members
from shared.names import Names
from shared.prediction_log import PredictionLog
from shared.service import ServiceContext
from shared.settings.groups import BridgeSettings, Settings, SystemSettings

SERIES = Series("EURUSD.r", "M5")
HISTORY, LIVE = 700, 36
STEP_MS = 20_000  # less than the EA waits for a word of the bridge
SERVER_S = 7_200
DECIDED = {"refused", "ordered", "rejected"}
TOLD = DECIDED | {"filled", "closed"}
_INPUTS = {
    "EntryRule": 2, "DryRun": "false", "FixedLots": 0.1, "HorizonCandles": 4, "MaxAgeS": 100_000, "TradesADay": 10_000,
    "DailyLossPercent": 50, "CooldownS": 0, "MaxSpreadPoints": 1_000, "SilenceS": 60,
}  # fmt: skip


def market():
    """A synthetic market whose last candle of history closes where simulated time begins."""
    candles = sample_candles(HISTORY + LIVE + 1, SERIES.timeframe, 1)
    for name in "ohlc":
        candles[name] = np.round(candles[name] / candles["c"][0] * 1.1, 5)
    candles["t"] = START_MS + (np.arange(len(candles)) - HISTORY) * SERIES.width_ms
    return candles


@pytest.fixture
def terminal(ea, tmp_path):
    made = Terminal(ea, tmp_path)
    yield made
    made.kill()


@pytest.fixture
def keys(tmp_path):
    return enroll(tmp_path / "keys.json", "desk-1", ["EURUSD.r"], tz="broker-eu", source="server-7")


@pytest.fixture
def addresses(broker, terminal, keys):
    """Where the bridge of a running system listens."""
    settings = Settings(system=SystemSettings(broker_url=broker.url))
    stop, ready, found = threading.Event(), threading.Event(), []
    contexts = [ServiceContext(connect(broker.url), Names(), stop=stop, instance=name) for name in ("f-1", "w-1")]
    group = BridgeSettings(signals_bind="tcp://127.0.0.1:*", requests_bind="tcp://127.0.0.1:*", security="plain")
    bridge = Bridge(broker.url, Names(), group, keys, clock=TerminalClock(terminal), stop=stop)

    def on_ready(bound):
        found.append(bound)
        ready.set()

    works = [
        (run_features, (settings, contexts[0])),
        (run_worker, (settings, contexts[1])),
        (bridge.serve, (on_ready,)),
    ]
    threads = [threading.Thread(target=work, args=arguments) for work, arguments in works]
    for thread in threads:
        thread.start()
    try:
        assert ready.wait(60)
        _await_services(broker)
        yield found[0]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for context in contexts:
            context.client.close()


def _await_services(broker):
    """Wait until both take part: the first start on a machine compiles the kernels."""
    deadline = time.monotonic() + 200
    while not all(live_members(broker.client, broker.names, name) for name in ("feature_service", "worker")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Trader:
    """A chart with the EA on it, and what everybody says of it."""

    def __init__(self, terminal, addresses, keys, broker):
        self.terminal, self._broker, self.candles = terminal, broker, market()
        self._context = zmq.Context()
        self._waker = self._context.socket(zmq.DEALER)
        me = keys.clients["desk-1"]
        self._waker.plain_username, self._waker.plain_password = me.user.encode(), me.password.encode()
        self._waker.connect(addresses.requests)
        self._word = encode_line(PresenceLine("desk-1", "EURUSD.r", "0", 0, 1), me.key)
        settings = BridgeSettings(signals_bind=addresses.signals, requests_bind=addresses.requests, security="plain")
        self._inputs = ea_inputs(keys, me, settings) | _INPUTS
        self._predictions = PredictionLog(broker.client, broker.names, from_start=True)
        self.predicted = []
        terminal.attend = self.attend

    def close(self):
        self._context.destroy(linger=0)

    def attend(self):
        """The bridge does not see simulated time pass by itself: a word wakes it up."""
        self._waker.send(self._word)

    def start(self):
        do = self.terminal.do
        for setting in (f"set symbol {SERIES.symbol}", "set period 5", "set simulated 1"):
            do(setting)
        for at in range(HISTORY + 1):
            self._show(at)
        self._quote(HISTORY - 1)
        for name, value in self._inputs.items():
            do(f"input {name} {value}")
        assert do("init")[-1] == "= init 0"

    def _show(self, at):
        """The candle opens; that the terminal knows all of it already is nothing the EA looks at."""
        one = self.candles[at]
        prices = " ".join(f"{one[name]:.5f}" for name in "ohlc")
        self.terminal.do(f"candle {one['t'] // 1_000 + SERVER_S} {prices} {int(one['v'])} 10")

    def _quote(self, at):
        self.terminal.quote(float(self.candles["c"][at]))

    def close_candle(self, at):
        """Time goes on to the close of a candle, with its extremes on the way."""
        end_ms = int(self.candles["t"][at]) + SERIES.width_ms
        extremes = [float(self.candles[name][at]) for name in ("l", "h")]
        while self.terminal.utc_ms + STEP_MS < end_ms:
            self.terminal.advance(STEP_MS)
            self.terminal.quote(extremes[self.terminal.utc_ms // STEP_MS % 2])
            self._spend_a_beat()
        self.terminal.advance(end_ms - self.terminal.utc_ms)
        self._show(at + 1)
        self._quote(at)

    def _spend_a_beat(self):
        self.attend()
        self.terminal.turn(3)

    def log(self):
        """Rows of the EA's own log: event, id, side, lots, price, detail."""
        (path,) = self.terminal.sandbox.rglob("*.csv")
        return [line.split(";")[1:] for line in path.read_text("latin-1").splitlines()[1:]]

    def decided(self):
        return [row[1] for row in self.log() if row[0] in DECIDED]

    def told(self, since=0):
        """What the log says that acks must say as well."""
        return [
            (row[0], row[1] if row[0] in DECIDED else "", int(row[2]), float(row[3]), float(row[4]), row[5])
            for row in self.log()[since:]
            if row[0] in TOLD
        ]

    def acks(self):
        log = AckLog(self._broker.client, self._broker.names, 1).read(count=10_000)
        return [(a.event, a.id, a.side, a.lots, round(a.price_points / 100_000, 5), a.detail) for _, a in log]

    def predictions(self):
        while published := self._predictions.read(block_ms=0):
            self.predicted += [item.prediction for item in published]
        return self.predicted


@pytest.fixture
def trader(terminal, addresses, keys, broker):
    made = Trader(terminal, addresses, keys, broker)
    yield made
    made.close()


def test_the_log_the_acks_and_the_predictions_agree_one_for_one(trader, broker):
    terminal, candles = trader.terminal, trader.candles
    trader.start()
    newest = f"{SERIES.key}.{candles['t'][HISTORY - 1]}"
    terminal.until(lambda: newest in trader.decided() and trader.acks()[-1:] == trader.told()[-1:])
    assert [one.t for one in trader.predictions()] == candles["t"][WINDOW - 1 : HISTORY].tolist()
    assert broker.client.hget(broker.names.series(SERIES.partition), SERIES.key) == b"700 ea:server-7"
    assert {event for event, of, *_ in trader.told() if of not in {newest, ""}} == {"refused"}  # a history is no signal
    logged, acked = len(trader.log()), len(trader.acks())

    for at in range(HISTORY, HISTORY + LIVE):
        trader.close_candle(at)
        one = f"{SERIES.key}.{candles['t'][at]}"
        terminal.until(lambda one=one: one in trader.decided())
    terminal.until(lambda: trader.acks()[acked:] == trader.told(logged))

    live = [one.id for one in trader.predictions()][HISTORY - WINDOW + 1 :]
    assert live == [f"{SERIES.key}.{t}" for t in candles["t"][HISTORY : HISTORY + LIVE]]
    assert [row[1] for row in trader.log()[logged:] if row[0] in DECIDED] == live
    events = [event for event, *_ in trader.told(logged)]
    assert events.count("ordered") == events.count("filled") >= 2
    assert events.count("closed") >= events.count("ordered") - 1
    assert any("stop moved" in row[-1] for row in trader.log()[logged:])
