"""One prediction in, the same signal out: a real broker, real sockets."""

import socket

import pytest
import zmq

from bridge.events import Cause, Origin, Resynchronised
from bridge.lines import NO_SESSION, EndLine, HelloLine, decode_line, encode_line
from bridge.listener import Addresses
from shared.clock import SimulatedClock
from shared.codec import encode_prediction
from shared.contracts import Reason
from shared.delivery import halt, resume
from shared.errors import InputError
from shared.prediction_document import prediction_document

SYMBOLS = ["EURUSD", "EURUSDm", "EURUSD.r", "EUR|USD", "ЕВРО/€"]


def _comparable(value):
    """Numbers to 1e-6, and without what belongs to the delivery."""
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items() if name != "latency_us"}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return pytest.approx(value, abs=1e-6) if isinstance(value, float) else value


def _ids(signals):
    return [signal.line.prediction.id for signal in signals]


def test_a_prediction_arrives_as_the_same_json(start_bridge, connect, predictions):
    client = connect(start_bridge())
    assert client.next() == Resynchronised(None, client.client._follower.session, Cause.START)
    sent = predictions.make(0, outlook=(0.4, 0.3, 0.2), policy=(-1.0, 0.25))
    predictions.publish(sent)
    (signal,) = client.signals(1)
    assert signal.document == _comparable(prediction_document(sent)) | {"latency_us": signal.document["latency_us"]}
    assert signal.origin is Origin.LIVE


def test_latency_is_told_by_stage(start_bridge, connect, predictions):
    bridge = start_bridge(clock=SimulatedClock(1_010))
    client = connect(bridge, clock=SimulatedClock(1_012))
    client.next()
    predictions.series(1)
    (signal,) = client.signals(1)
    assert signal.document["latency_us"] == {
        "row": 50, "queued": 50, "inferred": 900, "sent": 9_999, "received": 1_001, "total": 12_000,
    }  # fmt: skip


def test_a_late_subscriber_gets_the_newest_prediction_of_each_series(start_bridge, connect, predictions):
    bridge = start_bridge()
    early = connect(bridge, "EURUSD")
    early.resynchronised()
    quarter, hour = predictions.series(3), predictions.series(2, timeframe="H1")
    predictions.series(1, symbol="GBPUSD")
    early.signals(5)
    late = connect(bridge, "EURUSD")
    snapshot = late.signals(2)
    assert sorted(_ids(snapshot)) == sorted([quarter[-1].id, hour[-1].id])
    assert {signal.origin for signal in snapshot} == {Origin.SNAPSHOT}
    assert late.next() == Resynchronised("EURUSD", early.client._follower.session, Cause.START)
    (after,) = predictions.series(1, start=3)
    assert _ids(late.signals(1)) == [after.id]
    assert late.client.stats.gaps == 0


def test_predictions_from_before_the_bridge_are_in_the_snapshot_and_never_sent_live(start_bridge, connect, predictions):
    before = predictions.series(2)
    client = connect(start_bridge())
    assert [(s.line.prediction.id, s.origin) for s in client.signals(1)] == [(before[-1].id, Origin.SNAPSHOT)]
    assert isinstance(client.next(), Resynchronised)
    (after,) = predictions.series(1, start=2)
    assert [(s.line.prediction.id, s.line.seq) for s in client.signals(1)] == [(after.id, 1)]


def test_no_symbol_hears_another(start_bridge, connect, predictions):
    bridge = start_bridge()
    clients = {symbol: connect(bridge, symbol) for symbol in SYMBOLS}
    for client in clients.values():
        client.resynchronised()
    sent = {symbol: predictions.series(5, symbol=symbol) for symbol in SYMBOLS}
    for symbol, client in clients.items():
        assert _ids(client.signals(5)) == [prediction.id for prediction in sent[symbol]]
        assert client.client.stats.junk == 0


def test_a_client_of_all_symbols_hears_each_in_order(start_bridge, connect, predictions):
    client = connect(start_bridge())
    client.resynchronised()
    sent = {symbol: predictions.series(20, symbol=symbol) for symbol in SYMBOLS}
    received = _ids(client.signals(20 * len(SYMBOLS)))
    for symbol in SYMBOLS:
        ids = [prediction.id for prediction in sent[symbol]]
        assert [one for one in received if one in set(ids)] == ids


def test_twenty_thousand_at_full_speed_lose_none(start_bridge, connect, predictions):
    bridge = start_bridge()
    client = connect(bridge)
    client.resynchronised()
    sent = [prediction.id for at in range(0, 20_000, 1_000) for prediction in predictions.series(1_000, start=at)]
    assert _ids(client.signals(20_000)) == sent
    assert (client.client.stats.gaps, client.client.stats.duplicates) == (0, 0)
    assert bridge.stats.lines_sent == 20_000


def test_a_repeat_in_the_log_is_not_sent_again(start_bridge, connect, predictions):
    bridge = start_bridge()
    client = connect(bridge)
    client.resynchronised()
    first, second = predictions.series(2)
    predictions.publish(first, second)
    (third,) = predictions.series(1, start=2)
    assert _ids(client.signals(3)) == [first.id, second.id, third.id]
    assert bridge.stats.repeats == 2


@pytest.mark.parametrize(
    ("age_ms", "reasons", "words"),
    [(1, 0, ["STALE"]), (0, 0, []), (1, Reason.REPLAY, ["REPLAY"]), (1, Reason.GAP, ["GAP", "STALE"])],
)
def test_what_leaves_after_its_time_is_stale_unless_replayed(
    start_bridge, connect, predictions, age_ms, reasons, words
):
    prediction = predictions.make(0, reasons=int(reasons))
    clock = SimulatedClock(prediction.valid_until_ms + age_ms)
    client = connect(start_bridge(clock=clock))
    client.resynchronised()
    predictions.publish(prediction)
    assert client.signals(1)[0].document["reasons"] == words


def test_a_snapshot_is_judged_when_it_leaves(start_bridge, connect, predictions):
    clock = SimulatedClock(0)
    bridge = start_bridge(clock=clock)
    prediction = predictions.make(0, reasons=0)
    predictions.publish(prediction)
    assert connect(bridge).signals(1)[0].document["reasons"] == []
    clock.sleep(prediction.valid_until_ms / 1_000 + 1)
    assert connect(bridge).signals(1)[0].document["reasons"] == ["STALE"]


def test_junk_is_condemned_and_passed_over(start_bridge, connect, predictions, broker, eventually):
    bridge = start_bridge()
    client = connect(bridge)
    client.resynchronised()
    p = predictions.make(0).series.partition
    log, foreign = broker.names.predictions(p), predictions.make(0, symbol="GBPUSD")
    assert foreign.series.partition != p
    (first,) = predictions.series(1)
    for message in (b"junk", b"", encode_prediction(foreign), encode_prediction(first)[:-1]):
        broker.client.xadd(log, {"m": message})
    broker.client.xadd(log, {"other": b"\xff"})
    (second,) = predictions.series(1, start=1)
    assert _ids(client.signals(2)) == [first.id, second.id]
    eventually(lambda: bridge.stats.junk == 5)
    assert broker.client.xlen(log) == 2
    assert broker.client.xlen(broker.names.dead(p)) == 5
    assert bridge.stats.lines_sent == 2


def test_a_prediction_that_no_line_can_say_is_junk(start_bridge, connect, predictions, eventually):
    bridge = start_bridge()
    client = connect(bridge)
    client.resynchronised()
    predictions.publish(predictions.make(0, bundle="b" * 65), predictions.make(1, policy=(0.5, 0.5)))
    (good,) = predictions.series(1, start=2)
    assert _ids(client.signals(1)) == [good.id]
    eventually(lambda: bridge.stats.junk == 2)


def test_junk_among_the_latest_does_not_stop_the_start(start_bridge, connect, predictions, broker):
    (good,) = predictions.series(1)
    broker.client.hset(broker.names.latest(3), "EURUSD.M15", b"junk")
    assert _ids(connect(start_bridge()).signals(1)) == [good.id]


def test_what_was_read_before_the_stop_is_still_sent(start_bridge, connect, predictions, eventually):
    bridge = start_bridge()
    client = connect(bridge)
    client.resynchronised()
    sent = predictions.series(500)
    eventually(lambda: bridge.stats.lines_sent > 0)
    bridge.end()
    count = bridge.stats.lines_sent
    assert _ids(client.signals(count)) == [prediction.id for prediction in sent[:count]]


def _ask(bridge, *lines):
    """Answer to raw frames, up to the first end line."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(bridge.addresses.requests)
        for line in lines:
            dealer.send_multipart([line] if isinstance(line, bytes) else list(line))
        received = []
        while not received or not received[-1].startswith(b"E1"):
            received.append(dealer.recv())
        return received


def test_only_a_well_signed_hello_is_answered(start_bridge, keys):
    bridge = start_bridge()
    good = encode_line(HelloLine("a", "EURUSD", NO_SESSION, 0, 1), keys.client)
    bad = [
        encode_line(HelloLine("a", "EURUSD", NO_SESSION, 0, 1), keys.bridge),
        good[:-1] + (b"0" if good[-1:] != b"0" else b"1"),
        encode_line(EndLine(NO_SESSION, 0, 1, "EURUSD", 0), keys.client),
        b"", b"x" * 500, [good, good],
    ]  # fmt: skip
    (answer,) = _ask(bridge, *bad, good)
    end = decode_line(answer, keys.bridge)
    assert isinstance(end, EndLine)
    assert (end.symbol, end.seq, end.count) == ("EURUSD", 0, 0)
    assert bridge.stats.hellos_refused + bridge.stats.requests_refused == len(bad)
    assert bridge.stats.hellos == 1


def test_a_client_that_asks_too_often_is_refused_for_a_while(start_bridge, keys):
    bridge = start_bridge(clock=SimulatedClock(1))
    hello = encode_line(HelloLine("a", "EURUSD", NO_SESSION, 0, 1), keys.client)
    for _ in range(100):
        _ask(bridge, hello)
    other = encode_line(HelloLine("b", "EURUSD", NO_SESSION, 0, 1), keys.client)
    _ask(bridge, hello, other)
    assert (bridge.stats.hellos, bridge.stats.hellos_refused) == (101, 1)


@pytest.mark.parametrize(
    "address",
    ["tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://192.168.1.2:1", "tcp://localhost:5555", "ipc:///x", ""],
)
def test_no_other_machine_may_be_listened_to(start_bridge, address):
    free = "tcp://127.0.0.1:*"
    for addresses in (Addresses(address, free), Addresses(free, address)):
        with pytest.raises(InputError, match="must be an IPv4 loopback address"):
            start_bridge(at=addresses)


def test_a_taken_port_is_named(start_bridge):
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InputError, match=r"bridge\.requests_bind.*cannot be bound"):
            start_bridge(at=Addresses("tcp://127.0.0.1:*", taken))


def test_a_subscriber_of_a_silent_symbol_hears_heartbeats(start_bridge, keys):
    bridge = start_bridge()
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.connect(bridge.addresses.signals)
        sub.setsockopt(zmq.SUBSCRIBE, b"sig.EURUSD%2Er.")
        topic, line = sub.recv_multipart()
    beat = decode_line(line, keys.bridge)
    assert topic == b"sig.EURUSD%2Er.hb"
    assert (beat.symbol, beat.seq) == ("EURUSD.r", 0)


def test_a_halt_reaches_every_line_and_outlives_the_bridge(start_bridge, connect, predictions, broker):
    clock = SimulatedClock(0)
    client = connect(start_bridge(clock=clock))
    client.resynchronised()
    first, second = predictions.make(0, reasons=0), predictions.make(1, reasons=0)
    predictions.publish(first)
    assert client.signals(1)[0].document["reasons"] == []
    halt(broker.client, broker.names, first.series.symbol, 1)
    for bridge in (start_bridge(clock=clock), start_bridge(clock=clock)):
        assert connect(bridge).signals(1)[0].document["reasons"] == ["HALTED"]
    resume(broker.client, broker.names, None)
    predictions.publish(second)
    assert connect(start_bridge(clock=clock)).signals(1)[0].document["reasons"] == []
