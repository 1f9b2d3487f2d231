"""Who is let in, what each may push, and what becomes of clients that are enrolled or sent away meanwhile."""

import socket
from contextlib import ExitStack

import pytest
import zmq

from bridge.client import SignalClient
from bridge.curve import protect_client
from bridge.enrolment import KeyFile, enroll, revoke
from bridge.events import Origin
from bridge.keys import Keys, load_keys
from bridge.lines import NO_SESSION, HelloLine, decode_line, encode_line
from bridge.listener import Addresses
from bridge.testing import push_of
from shared.admission import Verdict
from shared.contracts import Series
from shared.errors import InputError
from shared.testing import walk_candles

CANDLES = walk_candles(20)
EVERYWHERE = Addresses("tcp://0.0.0.0:*", "tcp://0.0.0.0:*")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


@pytest.fixture
def key_file(path):
    enroll(path, "ea-1", ["EURUSD"], tz="broker-eu", source="server-7")
    enroll(path, "ea-2", ["GBPUSD"])
    return KeyFile(path)


@pytest.fixture
def enter(start_bridge, advisor, key_file):
    """A bridge of enrolled clients, and their connections."""

    def make(security="none", name="ea-1", **options):
        bridge = start_bridge(
            trust=key_file.keys, renewed=key_file.renewed, changes={"security": security},
            at=EVERYWHERE if security != "none" else None, **options,
        )  # fmt: skip
        bridge.security = security
        return bridge, lambda name, **more: _advisor(advisor, bridge, key_file.keys, name, security, **more)

    return make


def _advisor(advisor, bridge, keys, name, security, **more):
    client = keys.client_named(name)
    login = (client.user, client.password) if security == "plain" else None
    return advisor(bridge, name, client.key, bridge_key=keys.bridge, login=more.pop("login", login), **more)


def _heard(bridge, keys, dressed):
    """What clients hear, each dressed by a function, while one with credentials hears two heartbeats of a symbol."""
    with ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        strangers = [_stranger(stack, context, bridge, keys, prepare) for prepare in dressed]
        with SignalClient(bridge.addresses, keys, security=bridge.security) as client:
            events = client.events(idle_s=2.5)
            next(events)  # the snapshot
            for _ in events:
                pass
        return [(sub.poll(0), dealer.poll(0)) for sub, dealer in strangers]


def _stranger(stack, context, bridge, keys, prepare):
    pair = [stack.enter_context(context.socket(kind)) for kind in (zmq.SUB, zmq.DEALER)]
    for one, address in zip(pair, (bridge.addresses.signals, bridge.addresses.requests), strict=True):
        one.linger = 0
        prepare(one)
        one.connect(address)
    pair[0].subscribe(b"")
    pair[1].send(encode_line(HelloLine("x", None, NO_SESSION, 0, 1), keys.client))
    return pair


def _nobody(_):
    pass


def _wrong_password(one):
    one.plain_username, one.plain_password = b"ea-1", b"0" * 32


def _owner_by_name(one):
    one.plain_username, one.plain_password = b"owner", b"x"


def _wrong_curve(keys):
    def prepare(one):
        one.curve_publickey, one.curve_secretkey = zmq.curve_keypair()
        one.curve_serverkey = zmq.utils.z85.encode(keys.curve_public)

    return prepare


def _wrong_server(keys):
    def prepare(one):
        one.curve_publickey, one.curve_secretkey = zmq.curve_keypair()
        one.curve_serverkey = zmq.curve_keypair()[0]

    return prepare


@pytest.mark.parametrize("security", ["plain", "curve"])
def test_nobody_without_credentials_is_heard_or_hears(enter, predictions, key_file, eventually, security):
    predictions.series(1)
    bridge, _ = enter(security)
    keys = key_file.keys
    strangers = [_nobody, _wrong_password, _owner_by_name, _wrong_curve(keys), _wrong_server(keys)]
    assert _heard(bridge, keys, strangers) == [(0, 0)] * len(strangers)
    assert bridge.stats.handshakes_refused >= 2
    assert bridge.stats.hellos == 1  # of the one with credentials


@pytest.mark.parametrize("security", ["plain", "curve"])
@pytest.mark.parametrize("name", ["ea-1", "owner"])
def test_who_has_credentials_gets_its_signals(enter, predictions, path, key_file, security, name):
    (before,) = predictions.series(1)
    bridge, _ = enter(security)
    keys = key_file.keys
    client = keys.client_named(name)
    mine = keys if name == "owner" else Keys(keys.bridge, client.key, name, keys.curve_public)
    with SignalClient(bridge.addresses, mine, security=security) as signals:
        event = next(signals.events())
    assert (event.line.prediction.id, event.origin) == (before.id, Origin.SNAPSHOT)


def test_one_bridge_takes_passwords_at_one_address_and_keys_at_another(start_bridge, key_file, predictions, eventually):
    """Neither mechanism is taken at the other's address, and a new bridge key closes both."""
    second = {"curve_signals_bind": "tcp://0.0.0.0:*", "curve_requests_bind": "tcp://0.0.0.0:*"}
    bridge = start_bridge(
        trust=key_file.keys, renewed=key_file.renewed, changes={"security": "plain", **second}, at=EVERYWHERE
    )
    (before,) = predictions.series(1)
    both = {"plain": bridge.addresses, "curve": bridge.bridge.curve_addresses}
    for _ in range(2):
        for security, at in both.items():
            with SignalClient(at, key_file.keys, security=security) as client:
                assert next(client.events()).line.prediction.id == before.id
        hellos = bridge.stats.hellos
        for security, at in zip(("curve", "plain"), both.values(), strict=True):
            with SignalClient(at, key_file.keys, security=security) as client:
                assert not list(client.events(idle_s=1.5))
        assert bridge.stats.hellos == hellos
        sessions = bridge.stats.sessions
        if sessions == 1:
            revoke(key_file._path, "ea-2")
            eventually(lambda: bridge.stats.sessions == 2)


@pytest.mark.parametrize("security", ["none", "curve"])
def test_a_second_address_is_for_curve_beside_passwords(start_bridge, security):
    second = {"curve_signals_bind": "tcp://127.0.0.1:*", "curve_requests_bind": "tcp://127.0.0.1:*"}
    with pytest.raises(InputError, match=r"bridge\.curve_signals_bind = .* needs bridge\.security = plain"):
        start_bridge(changes={"security": security, **second})
    with pytest.raises(InputError, match=r"bridge\.curve_requests_bind = "):  # one without the other
        start_bridge(changes={"security": "plain", "curve_signals_bind": "tcp://127.0.0.1:*"})


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:5555", "tcp://10.1.2.3:5555"])
def test_another_address_than_loopback_needs_credentials(start_bridge, address):
    for at in (Addresses(address, "tcp://127.0.0.1:*"), Addresses("tcp://127.0.0.1:*", address)):
        with pytest.raises(InputError, match=r"bridge\..*_bind = .*need no credentials.*bridge\.security"):
            start_bridge(at=at)


def test_only_what_is_on_its_list_may_a_client_push(enter, broker):
    _, connect = enter()
    ea = connect("ea-1")
    mine, other = Series("EURUSD", "M15"), Series("GBPUSD", "M15")
    assert ea.place(other).refusals[0].reason == "not_allowed"
    refused = ea.push(other, CANDLES)
    assert (refused.admitted, refused.refusals[0].reason) == (0, "not_allowed")
    assert refused.candle_ms > CANDLES["t"][-1]  # nothing of it is wanted
    assert ea.push(mine, CANDLES).admitted == len(CANDLES)
    assert broker.client.xlen(broker.names.candles(other.partition)) == 0
    assert broker.client.hget(broker.names.series(mine.partition), mine.key) == b"20 ea:server-7"


def test_no_client_speaks_for_another(enter, key_file, broker, eventually):
    bridge, connect = enter("plain")
    thief = connect("ea-2")  # knows its own key, and pushes under the other's name
    line, frame = push_of("ea-1", Series("EURUSD", "M15"), CANDLES)
    thief.send(line, frame)
    eventually(lambda: bridge.stats.requests_refused == 1)
    stolen = _advisor_with_stolen_key(connect, key_file)
    stolen.send(line, frame)  # has the other's key, but logged on as itself
    eventually(lambda: bridge.stats.requests_refused == 2)
    assert not broker.client.keys(broker.names.candles(Series("EURUSD", "M15").partition))


def _advisor_with_stolen_key(connect, key_file):
    mine = key_file.keys.client_named("ea-2")
    return connect("ea-1", login=(mine.user, mine.password))


@pytest.mark.parametrize("symbol", ["EURUSD.r", "EURUSDm", "EURUSD#"])
def test_a_brokers_spelling_is_mapped_to_the_name_on_the_list(enter, broker, predictions, key_file, symbol):
    bridge, connect = enter()
    ea = connect("ea-1")
    assert ea.push(Series(symbol, "M15"), CANDLES).admitted == len(CANDLES)
    series = Series("EURUSD", "M15")
    assert broker.client.hget(broker.names.series(series.partition), series.key).startswith(b"20 ")
    me = key_file.keys.client_named("ea-1")
    (before,) = predictions.series(1)
    with SignalClient(bridge.addresses, Keys(key_file.keys.bridge, me.key, "ea-1"), symbol=symbol) as client:
        events = client.events()
        snapshot = next(events)
        next(events)
        (after,) = predictions.series(1, start=1)
        live = next(events)
    assert [one.line.prediction.series.symbol for one in (snapshot, live)] == [symbol, symbol]
    assert [one.line.prediction.t for one in (snapshot, live)] == [before.t, after.t]
    assert live.line.seq == 1


def test_a_symbol_with_predictions_of_its_own_is_never_another_ones(enter, predictions, key_file):
    bridge, _ = enter()
    me = key_file.keys.client_named("ea-1")
    own = predictions.series(1, symbol="EURUSDm")[0]
    predictions.series(1)
    with SignalClient(bridge.addresses, Keys(key_file.keys.bridge, me.key, "ea-1"), symbol="EURUSDm") as client:
        events = client.events()
        assert next(events).line.prediction.id == own.id
        next(events)
        predictions.series(1, start=1)
        (mine,) = predictions.series(1, start=2, symbol="EURUSDm")
        assert next(events).line.prediction.t == mine.t


def test_a_client_that_is_enrolled_meanwhile_is_let_in(enter, path, key_file, eventually):
    bridge, connect = enter("plain")
    ea = connect("ea-1")
    ea.place(Series("EURUSD", "M15"))
    enroll(path, "ea-3", None)
    eventually(lambda: "ea-3" in key_file.keys.clients)
    assert connect("ea-3").push(Series("XAUUSD", "M15"), CANDLES).admitted == len(CANDLES)
    assert ea.place(Series("EURUSD", "M15")).candle_ms == 0  # its connection stayed
    assert bridge.stats.sessions == 1


@pytest.mark.parametrize("security", ["plain", "curve"])
def test_who_was_sent_away_hears_nothing_however_it_comes_back(
    enter, predictions, path, key_file, eventually, security
):
    predictions.series(1)
    bridge, _ = enter(security)
    away = key_file.keys.client_named("ea-2")
    revoke(path, "ea-2")
    eventually(lambda: "ea-2" not in key_file.keys.clients and bridge.stats.sessions == 2)

    def login(one):
        one.plain_username, one.plain_password = away.user.encode(), away.password.encode()

    def encrypt(one):
        protect_client(one, away.curve_secret, key_file.keys.curve_public)

    assert _heard(bridge, key_file.keys, [login if security == "plain" else encrypt]) == [(0, 0)]
    assert bridge.stats.handshakes_refused >= 1


def test_a_client_that_is_sent_away_is_cut_off_and_the_others_come_back(enter, path, key_file, predictions, eventually):
    bridge, connect = enter("plain")
    connect("ea-2").place(Series("GBPUSD", "M15"))
    away = connect("ea-2")
    old = key_file.keys
    (one,) = predictions.series(1)
    revoke(path, "ea-2")
    eventually(lambda: bridge.stats.sessions == 2)
    assert key_file.keys.bridge != old.bridge
    line, frame = push_of("ea-2", Series("GBPUSD", "M15"), CANDLES)
    away.send(line, frame)
    eventually(lambda: bridge.stats.handshakes_refused > 0)
    assert away.reply(100) is None
    with SignalClient(bridge.addresses, key_file.keys, security="plain") as client:
        assert next(client.events()).line.prediction.id == one.id
    assert connect("ea-1").push(Series("EURUSD", "M15"), CANDLES).admitted == len(CANDLES)
    assert bridge.stats.pushes == 1


def test_a_key_file_that_cannot_be_read_changes_nothing(path, key_file):
    before = key_file.keys
    path.write_text("{")
    assert key_file.renewed() is None
    assert key_file.keys == before


def test_no_more_connections_than_there_is_room_for(start_bridge, advisor, monkeypatch, eventually):
    monkeypatch.setattr("bridge.listener._HANDSHAKE_MS", 300)
    bridge = start_bridge(changes={"connections_max": 2})
    first, second = advisor(bridge), advisor(bridge, "b")
    series = Series("EURUSD", "M15")
    assert {ea.place(series).candle_ms for ea in (first, second)} == {0}
    third = advisor(bridge, "c")
    eventually(lambda: bridge.stats.handshakes_refused > 0)
    first.close()
    assert third.place(series).candle_ms == 0  # as soon as somebody left


def test_connections_that_never_say_who_they_are_are_closed(start_bridge, monkeypatch, eventually):
    monkeypatch.setattr("bridge.listener._HANDSHAKE_MS", 300)
    bridge = start_bridge()
    address = bridge.addresses.signals.removeprefix("tcp://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as silent:
        eventually(lambda: bridge.bridge.connections == 1)
        silent.settimeout(30)
        while silent.recv(1_024):
            pass
    eventually(lambda: bridge.bridge.connections == 0)


def test_the_vocabulary_of_refusals_is_that_of_admission():
    assert {"revision", "late", "future", "foreign_source"} <= {verdict.value for verdict in Verdict}


def test_a_handed_out_file_is_enough_for_a_client(enter, path, key_file, predictions, tmp_path):
    from bridge.handout import write_handout
    from shared.settings.groups import BridgeSettings

    (one,) = predictions.series(1)
    bridge, _ = enter("curve")
    keys = key_file.keys
    inputs = write_handout(tmp_path / "given", keys, keys.clients["ea-1"], BridgeSettings(security="curve"))
    given = load_keys(inputs.with_name("keys.json"))
    with SignalClient(bridge.addresses, given, security="curve", symbol="EURUSD") as client:
        assert next(client.events()).line.prediction.id == one.id
    assert decode_line(encode_line(HelloLine("ea-1", None, NO_SESSION, 0, 1), given.client), given.client)
