"""The EA on the real clock against the real bridge process, its keys and the broker it reads; a symbol a test."""

import json
import socket
import subprocess
import sys
import time
from itertools import count

import pytest
import zmq
from harness.bridge_double import prediction
from harness.desk import prepare
from harness.tap import Tap
from harness.terminal import Terminal

from bridge.ea_lines import PlaceQuery
from bridge.enrolment import enroll
from bridge.handout import ea_inputs
from bridge.lines import encode_line
from bridge.presences import read_bridges
from shared.ack_log import AckLog
from shared.broker import fields_of
from shared.codec import decode_candle, encode_prediction
from shared.contracts import Series
from shared.settings.groups import BridgeSettings, Settings, SystemSettings

_PROGRAM = """
import sys
from bridge.service import run
from shared.settings.groups import Settings
run(Settings.model_validate_json(sys.argv[1]), on_ready=lambda _: print("ready", flush=True))
"""
_SYMBOLS = count(1)


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Bridge:
    """The bridge's process, at the same ports and with the same keys whenever it is started."""

    def __init__(self, broker, folder, security="none"):
        self.ports = _free_port(), _free_port()
        self._keys = folder / "keys.json"
        self._settings = Settings(
            system=SystemSettings(broker_url=broker.url),
            bridge=BridgeSettings(
                signals_bind=f"tcp://127.0.0.1:{self.ports[0]}",
                requests_bind=f"tcp://127.0.0.1:{self.ports[1]}",
                security=security,
                keys=str(self._keys),
            ),
        )
        self.start()

    def start(self):
        command = [sys.executable, "-c", _PROGRAM, self._settings.model_dump_json()]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def keys(self):
        found = json.loads(self._keys.read_text())
        return {"BridgeKey": found["bridge"], "ClientKey": found["client"]}

    def enroll(self, floor, symbols):
        """The inputs that a trader of a name of his own loads."""
        name = f"desk-{floor.symbol.partition('.')[0]}"
        keys = enroll(self._keys, name, symbols, tz="+02:00", source="server-7")
        return ea_inputs(keys, keys.clients[name], self._settings.bridge)


@pytest.fixture(scope="module")
def bridge(_server, tmp_path_factory):
    _server.client.flushall()
    made = Bridge(_server, tmp_path_factory.mktemp("bridge"))
    yield made
    made.kill()


@pytest.fixture(scope="module")
def guarded(_server, tmp_path_factory):
    """A bridge whose clients log on."""
    made = Bridge(_server, tmp_path_factory.mktemp("guarded"), security="plain")
    yield made
    made.kill()


class Floor:
    """A terminal with the EA on a chart of a symbol that no other test has."""

    def __init__(self, ea, folder, bridge, broker):
        self.symbol = f"SYM{next(_SYMBOLS)}.r"
        self._ea, self._folder, self.bridge, self.broker = ea, folder, bridge, broker
        self.terminal = self.another()

    def another(self):
        """The terminal started again, in the same folder."""
        self.terminal = Terminal(self._ea, self._folder)
        self.terminal.utc_ms = int(time.time() * 1_000)
        return self.terminal

    def start(self, ports=None, **inputs):
        given = self.bridge.keys | {"MaxAgeS": 100_000} | inputs
        prepare(self.terminal, ports or self.bridge.ports, simulated=False, symbol=self.symbol, **given)
        assert self.terminal.do("init")[-1] == "= init 0"

    def in_step(self):
        self.terminal.until(lambda: "link: in step" in self.panel() and "heard: 0 s" in self.panel())

    def panel(self):
        return self.terminal.panel() if self.terminal.heard("link: ") else ""

    @property
    def closed_ms(self):
        return int(time.time()) // 900 * 900_000 - 900_000

    def publish(self, t=None, **changes):
        one = prediction(t=t or self.closed_ms, **({"symbol": self.symbol} | changes))
        p, message = one.series.partition, encode_prediction(one)
        self.broker.client.xadd(self.broker.names.predictions(p), {"m": message})
        self.broker.client.hset(self.broker.names.latest(p), one.series.key, message)
        return one

    def decision(self, one):
        self.terminal.until(lambda: any(self._decided(one)))
        return self._decided(one)[-1]

    def _decided(self, one):
        lines = [line.split(";") for line in self.terminal.said if f";{one.id};" in line]
        return [f"{line[1]}: {line[-1]}" for line in lines if line[1] not in {"signal", "filled"}]


@pytest.fixture
def floor(ea, tmp_path, bridge, _server):
    made = Floor(ea, tmp_path, bridge, _server)
    yield made
    made.terminal.kill()


@pytest.fixture
def taps(floor):
    """Wires to the bridge's two ports."""
    made = [Tap(port) for port in floor.bridge.ports]
    floor.terminal.attend = lambda: [one.attend() for one in made]
    yield made
    for one in made:
        one.close()


def test_predictions_become_one_position_over_a_restart_of_the_bridge(floor):
    floor.start()
    floor.in_step()
    one = floor.publish()
    assert floor.decision(one) == "ordered: code 10009"
    floor.bridge.kill()
    floor.terminal.until(lambda: floor.terminal.heard("the bridge closed") or floor.terminal.heard("not connected"))
    floor.bridge.start()
    floor.terminal.until(lambda: floor.terminal.heard(f";refused;{one.id};0;0.00;0.00000;acted on before"))
    assert len(floor.terminal.state("position")) == 1
    other = floor.publish(symbol=f"{floor.symbol}m")
    floor.publish(floor.closed_ms + 900_000, reasons=4)
    floor.terminal.until(lambda: floor.terminal.heard("reasons: REPLAY"))
    assert not floor.terminal.heard(other.id)
    assert floor.terminal.number("requests") == 1


def test_a_client_with_another_key_is_answered_nothing(floor):
    floor.start(ClientKey="00" * 32)
    floor.terminal.until(lambda: floor.terminal.heard("link: no answer: is NatronEA.set the newest?"))
    floor.publish()
    floor.terminal.spend(200)
    assert not floor.terminal.heard("link: in step")
    assert not floor.terminal.state("position")


def test_with_another_bridges_key_nothing_is_believed(floor):
    floor.start(BridgeKey="00" * 32)
    floor.terminal.until(lambda: " hmac, gaps" in floor.panel())
    floor.publish()
    floor.terminal.spend(200)
    assert not floor.terminal.state("position")


def test_a_snapshot_is_acted_on(floor):
    one = floor.publish()
    floor.start()
    assert floor.decision(one) == "ordered: code 10009"


def test_what_expired_is_refused_with_the_bridges_reason(floor):
    floor.start()
    floor.in_step()
    assert floor.decision(floor.publish(floor.closed_ms - 1_800_000)) == "refused: reasons: STALE"


def test_one_byte_pieces(floor):
    floor.terminal.do("set piece 1")
    floor.start()
    floor.in_step()
    assert floor.decision(floor.publish()) == "ordered: code 10009"


def test_lines_that_come_while_the_link_is_down_come_afterwards_in_order(floor, taps):
    floor.start([one.port for one in taps], EntryRule=1)
    floor.in_step()
    first = floor.publish(floor.closed_ms - 900_000, direction_probs=(0.3, 0.3, 0.4))
    floor.decision(first)
    for tap in taps:
        tap.refusing = True
        tap.cut()
    lost = [floor.publish(reasons=0), floor.publish(floor.closed_ms + 900_000, reasons=256)]
    floor.terminal.until(lambda: floor.terminal.heard("signals: ") or floor.terminal.heard("requests: "))
    for tap in taps:
        tap.refusing = False
    assert floor.decision(lost[0]) == "ordered: code 10009"
    assert floor.decision(lost[1]) == "refused: reasons: HALTED"
    assert floor.terminal.number("requests") == 1


def test_a_line_that_is_tampered_with_is_refused_and_asked_for_again(floor, taps):
    floor.start([one.port for one in taps])
    floor.in_step()
    changed = []

    def change(data):
        if not changed and b"|0a0a" in data:
            changed.append(data)
            return data.replace(b"|700000|200000|", b"|900000|000000|")
        return data

    taps[0].change = change
    one = floor.publish(outlook=(0.7, 0.2, 0.3))
    assert floor.decision(one) == "ordered: code 10009"
    assert changed
    floor.terminal.until(lambda: "refused lines: 1 hmac" in floor.panel())


def test_bytes_that_are_replayed_move_nothing(floor, taps):
    floor.start([one.port for one in taps])
    floor.in_step()
    del taps[0].heard[:]
    one = floor.publish()
    floor.decision(one)
    floor.terminal.until(lambda: f"|{one.id}|".encode() in taps[0].heard)
    floor.terminal.quote(1.1032)
    floor.terminal.quote()
    assert not floor.terminal.state("position")
    taps[0].inject(bytes(taps[0].heard))
    floor.terminal.spend(200)
    assert floor.terminal.number("requests") == 1
    assert "link: in step" in floor.panel()


def test_a_terminal_killed_between_order_and_ack_orders_nothing_twice(floor):
    floor.start()
    floor.in_step()
    floor.terminal.do("market kill_after_order 1")
    one = floor.publish()
    with pytest.raises(AssertionError, match=r"KILLED|died"):
        floor.terminal.spend(2_000)
    floor.terminal.kill()
    floor.another()
    floor.terminal.do("set load 1")
    floor.start()
    assert floor.decision(one) == "refused: acted on before"
    assert len(floor.terminal.state("position")) == 1


def test_reinitialising_leaves_nothing_behind_at_either_side(floor):
    floor.start()
    for _ in range(5):
        floor.in_step()
        floor.terminal.do("deinit 3")
        numbers = [floor.terminal.number(what) for what in ("sockets", "files", "timer")]
        assert numbers == [0, 0, 0]
        assert floor.terminal.do("init")[-1] == "= init 0"
        floor.terminal.said.clear()
    floor.in_step()
    assert floor.decision(floor.publish()) == "ordered: code 10009"
    floor.terminal.quit()


@pytest.mark.parametrize(
    ("commands", "decided"),
    [
        (["market hedging 0"], "ordered: code 10009"),
        (["market hedging 1"], "ordered: code 10009"),
        (["market closed 1"], "rejected: code 10018"),
        (["market trade_mode 0"], "refused: the broker does not open this side"),
        (["market account_trade 0"], "refused: the account may not trade (investor password?)"),
        (["set answer 10017"], "rejected: code 10017"),
        (["set answer 10004", "set answer 10020"], "ordered: code 10009"),
        (["set answer 10004"] * 3, "rejected: code 10004"),
        (["set answer 10010"], "ordered: code 10010"),
    ],
)
def test_what_the_broker_says(floor, commands, decided):
    floor.start()
    for command in commands:
        floor.terminal.do(command)
    floor.in_step()
    assert floor.decision(floor.publish()) == decided
    second = floor.publish(floor.closed_ms + 900_000, reasons=2)
    assert floor.decision(second) == "refused: reasons: GAP"
    assert len(floor.terminal.state("position")) == decided.startswith("ordered")


def test_a_burst_of_twenty_thousand_lines_is_taken_whole(floor):
    floor.start()
    floor.in_step()
    last = floor.closed_ms
    pipe = floor.broker.client.pipeline(transaction=False)
    lines = [prediction(t=last - at * 900_000, symbol=floor.symbol, reasons=2) for at in range(20_000, 0, -1)]
    log = floor.broker.names.predictions(lines[0].series.partition)
    for one in lines:
        pipe.xadd(log, {"m": encode_prediction(one)})
    pipe.execute()
    newest = floor.publish(last)
    floor.terminal.until(lambda: any(newest.id in line for line in floor.terminal.said[-9:]))
    assert floor.decision(newest) == "ordered: code 10009"
    assert "gaps: 0" in floor.panel()
    assert "refused lines: 0" in floor.panel()
    signals = [line for line in floor.terminal.said if ";signal;" in line]
    assert len(signals) == 20_001


def _is_enrolled(bridge, inputs, symbol):
    """A running bridge takes changes of its key file over within a second."""
    line = encode_line(PlaceQuery(inputs["ClientId"], Series(symbol, "M15"), 1), bytes.fromhex(inputs["ClientKey"]))
    with zmq.Context() as context, context.socket(zmq.DEALER) as one:
        one.linger, one.plain_username, one.plain_password = 0, inputs["User"].encode(), inputs["Password"].encode()
        one.connect(f"tcp://127.0.0.1:{bridge.ports[1]}")
        one.send(line)
        return bool(one.poll(2_000))


def _await_enrolment(bridge, inputs, symbol):
    deadline = time.monotonic() + 60
    while not _is_enrolled(bridge, inputs, symbol):
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "change",
    [{"Password": "0" * 32}, {"User": "owner"}, {"Password": "\u0416" * 16}],
    ids=["another password", "another user", "no ASCII"],
)
def test_a_wrong_password_opens_nothing_and_says_so(floor, guarded, change):
    right = guarded.enroll(floor, [floor.symbol])
    _await_enrolment(guarded, right, floor.symbol)
    floor.start(guarded.ports, **(right | change))
    floor.terminal.until(lambda: "user or password refused" in floor.panel())
    floor.publish()
    floor.terminal.spend(200)
    assert not floor.terminal.heard("in step")
    assert floor.terminal.number("requests") == 0


def test_without_a_password_nothing_opens(floor, guarded):
    """libzmq may close before the rest of its greeting leaves, which names the mechanism."""
    said = "greeting: another security mechanism than NULL", "the bridge closed the connection"
    floor.start(guarded.ports)
    floor.terminal.until(lambda: any(one in floor.panel() for one in said))
    floor.terminal.spend(200)
    assert not floor.terminal.heard("in step")


def test_the_right_password_trades_pushes_its_candles_exactly_and_tells_what_it_did(floor, guarded):
    inputs = guarded.enroll(floor, [floor.symbol])
    _await_enrolment(guarded, inputs, floor.symbol)
    series, client, names = Series(floor.symbol, "M15"), floor.broker.client, floor.broker.names
    first_ms = floor.closed_ms - 39 * 900_000
    floor.start(guarded.ports, **(inputs | {"PushCandles": "true"}))
    floor.terminal.until(lambda: "candles: up to date" in floor.panel())
    entries = map(fields_of, client.execute_command("XRANGE", names.candles(series.partition), "-", "+"))
    held = [decode_candle(one[b"m"], one[b"n"], one[b"a"]) for one in entries]
    assert [(one.t, one.o, one.h, one.l, one.c, one.v) for one in held if one.series == series] == [
        (first_ms + at * 900_000, 1.1, 1.1005, 1.0995, 1.1, 100.0) for at in range(40)
    ]
    assert client.hget(names.series(series.partition), series.key) == b"40 ea:server-7"
    floor.in_step()
    one = floor.publish()
    assert floor.decision(one) == "ordered: code 10009"

    def told():
        acks = [ack for _, ack in AckLog(client, names, 1).read(count=10_000)]
        return [ack for ack in acks if ack.symbol == floor.symbol and ack.event != "state"]

    floor.terminal.until(lambda: len(told()) >= 2)
    assert [(ack.client, ack.event, ack.id, ack.side, ack.price_points) for ack in told()] == [
        (inputs["ClientId"], "ordered", one.id, 1, 110_010), (inputs["ClientId"], "filled", "", 1, 110_010),
    ]  # fmt: skip


def test_another_symbol_than_enrolled_is_read_and_taken_only_once_it_is_on_the_list(floor, guarded):
    inputs = guarded.enroll(floor, ["GBPUSD"])
    _await_enrolment(guarded, inputs, "GBPUSD")
    floor.start(guarded.ports, **(inputs | {"PushCandles": "true"}))
    floor.terminal.until(lambda: "candles: this symbol is not on the client's list" in floor.panel())
    floor.in_step()
    assert floor.decision(floor.publish()) == "ordered: code 10009"
    series = Series(floor.symbol, "M15")
    history = floor.broker.names.history(series.partition, series.key)
    assert not floor.broker.client.exists(history)
    guarded.enroll(floor, ["GBPUSD", floor.symbol])
    floor.terminal.until(lambda: "candles: up to date" in floor.panel())
    assert floor.broker.client.xlen(history) == 40


def test_who_watches_the_bridge_sees_how_far_the_ea_is(floor, bridge):
    floor.start()
    floor.in_step()
    floor.decision(floor.publish())

    def shown():
        return [
            one["lag_lines"]
            for found in read_bridges(floor.broker.client, floor.broker.names).values()
            for one in found["clients"]
            if one["symbol"] == floor.symbol
        ]

    floor.terminal.until(lambda: shown() == [0])


def test_the_self_test_passes_with_the_inputs_of_an_enrolled_client(floor, guarded, compiled, mql5, tmp_path):
    inputs = guarded.enroll(floor, [floor.symbol])
    _await_enrolment(guarded, inputs, floor.symbol)
    script = Terminal(compiled(mql5 / "Scripts" / "NatronSelfTest.mq5"), tmp_path)
    known = {"Host", "SignalsPort", "RequestsPort", "User", "Password", "BridgeKey", "ClientKey", "ClientId"}
    script.do(f"set symbol {floor.symbol}")
    for name in known:
        script.do(f"input {name} {inputs[name]}")
    script.do("input Seconds 60")
    said = [line.partition("self-test: ")[2] for line in script.do("start")]
    script.quit()
    steps = ["SHA-256", "keys", "client", "symbol", "link", "signatures", "heartbeat", "clock"]
    assert [line.split()[:2] for line in said if line.split()[0] in steps] == [[step, "ok"] for step in steps]
