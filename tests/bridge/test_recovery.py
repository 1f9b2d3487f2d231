"""Restarts, gaps, lost connections and trimmed logs: clients always know where they stand."""

import os
import signal
from collections.abc import Iterator

import pytest
import zmq

from bridge.events import Cause, Origin, Resynchronised, Signal
from bridge.lines import EndLine, HelloLine, SignalLine, decode_line, encode_line
from shared.broker import connect as connect_broker
from shared.broker import fields_of
from shared.codec import encode_prediction
from shared.contracts import PARTITIONS
from shared.embedded_broker import EmbeddedBroker

RING_LINES = 200
"""A ring short enough to be outrun quickly; what is law of it is law of any length."""


def _ids(signals):
    return [one.line.prediction.id for one in signals]


def _session(listening):
    return listening.client._follower.session


def test_a_restarted_bridge_is_noticed_and_resynchronised(start_bridge, connect, predictions):
    first = start_bridge()
    clients = {None: connect(first), "EURUSD": connect(first, "EURUSD")}
    for client in clients.values():
        client.resynchronised()
    before = predictions.series(3)
    for client in clients.values():
        client.signals(3)
    first.end()
    missed = predictions.series(2, start=3)
    second = start_bridge(at=first.addresses)
    for symbol, client in clients.items():
        old = _session(client)
        # Not sent again one by one: the newest of the series tells where things stand.
        assert [(s.line.prediction.id, s.origin) for s in client.signals(1)] == [(missed[-1].id, Origin.SNAPSHOT)]
        event = client.next()
        assert event == Resynchronised(symbol, _session(client), Cause.SESSION)
        assert event.session != old
    after = predictions.series(2, start=5)
    for client in clients.values():
        live = client.signals(2)
        assert _ids(live) == [prediction.id for prediction in after]
        assert [one.line.seq for one in live] == [1, 2]
    assert (len(before), second.stats.ring_answers) == (3, 0)


def _spoil(bridge, change):
    """Change what leaves on the signal socket, or drop it by returning None, as a full queue or a wire would."""
    socket = bridge.bridge._listener.signals
    send = socket.send_multipart

    def spoilt(frames):
        changed = change(*frames)
        if changed is not None:
            send(changed)

    socket.send_multipart = spoilt


def _lose(bridge, *numbers):
    def change(topic, line):
        kind, _, seq = line.split(b"|")[:3]
        return None if kind == b"S1" and int(seq) in numbers else [topic, line]

    _spoil(bridge, change)


def test_a_gap_is_filled_in_its_place_from_the_ring(start_bridge, connect, predictions):
    bridge = start_bridge()
    _lose(bridge, 3, 4, 9)
    client = connect(bridge)
    client.resynchronised()
    sent = predictions.series(10)
    received = client.signals(10)
    assert _ids(received) == [prediction.id for prediction in sent]
    assert Origin.RESENT in {one.origin for one in received}
    assert bridge.stats.snapshots == 0
    assert client.client.stats.gaps == bridge.stats.ring_answers > 0


def test_a_lost_last_line_is_noticed_by_the_heartbeat(start_bridge, connect, predictions):
    bridge = start_bridge()
    _lose(bridge, 2)
    client = connect(bridge, "EURUSD")
    client.resynchronised()
    sent = predictions.series(2)
    received = client.signals(2)
    assert _ids(received) == [prediction.id for prediction in sent]
    assert received[1].origin is Origin.RESENT
    assert client.next() == Resynchronised("EURUSD", _session(client), Cause.HEARTBEAT)


def test_a_gap_longer_than_the_ring_is_answered_by_a_snapshot(start_bridge, connect, predictions):
    bridge = start_bridge(ring_lines=RING_LINES)
    count = RING_LINES + 2
    client = connect(bridge, "EURUSD")
    client.resynchronised()
    sent = predictions.series(1)
    client.signals(1)
    _lose(bridge, *range(2, count + 1))
    sent += predictions.series(count - 1, start=1)
    (newest,) = client.signals(1)
    assert (newest.line.prediction.id, newest.origin, newest.line.seq) == (
        sent[-1].id,
        Origin.SNAPSHOT,
        count,
    )
    client.resynchronised()
    (after,) = predictions.series(1, start=count)
    assert [(s.line.prediction.id, s.origin) for s in client.signals(1)] == [(after.id, Origin.LIVE)]


def test_the_ring_answers_exactly_its_length(start_bridge, connect, predictions, keys):
    bridge = start_bridge(ring_lines=RING_LINES)
    watcher = connect(bridge)
    watcher.resynchronised()
    predictions.series(RING_LINES + 1)
    watcher.signals(RING_LINES + 1)
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.RCVHWM, 0)
        dealer.connect(bridge.addresses.requests)
        for seq, kind, count in ((1, False, RING_LINES), (0, True, 1)):
            dealer.send(encode_line(HelloLine("a", "EURUSD", _session(watcher), seq, 0), keys.client))
            lines = [decode_line(dealer.recv(), keys.bridge) for _ in range(count + 1)]
            assert {line.snapshot for line in lines if isinstance(line, SignalLine)} == {kind}
            assert isinstance(lines[-1], EndLine)
            assert lines[-1].count == count


def test_tampered_lines_are_refused_and_their_place_is_filled_from_the_ring(start_bridge, connect, predictions):
    def tamper(topic, line):
        seq = line.split(b"|")[2] if line.startswith(b"S1") else b""
        return [topic, {b"2": line.replace(b"|900|", b"|300|"), b"3": line[:-1]}.get(seq, line)]

    bridge = start_bridge()
    _spoil(bridge, tamper)
    client = connect(bridge, "EURUSD")
    client.resynchronised()
    sent = predictions.series(4)
    assert _ids(client.signals(4)) == [prediction.id for prediction in sent]
    assert client.client.stats.junk > 0


def test_a_line_under_another_topic_is_refused(start_bridge, connect, predictions):
    bridge = start_bridge()
    _spoil(bridge, lambda topic, line: [topic.replace(b".M15", b".M5"), line])
    client = connect(bridge)
    client.resynchronised()
    (sent,) = predictions.series(1)
    (got,) = client.signals(1)
    assert (got.line.prediction.id, got.origin) == (sent.id, Origin.RESENT)
    assert client.client.stats.junk == 1


def test_lines_of_a_session_that_was_left_are_dropped(start_bridge, connect, predictions):
    kept = []

    def record(topic, line):
        kept.append([topic, line])
        return [topic, line]

    first = start_bridge()
    _spoil(first, record)
    client = connect(first)
    client.resynchronised()
    predictions.series(2)
    client.signals(2)
    first.end()
    second = start_bridge(at=first.addresses)
    client.resynchronised()
    hellos = client.client.stats.hellos
    socket = second.bridge._listener.signals
    send = socket.send_multipart

    def replayed(frames):
        for old in kept:
            send(old)
        send(frames)

    socket.send_multipart = replayed
    (after,) = predictions.series(1, start=2)
    assert _ids(client.signals(1)) == [after.id]
    assert client.client.stats.hellos == hellos
    assert client.client.stats.duplicates >= 2


def test_a_hole_in_the_log_begins_a_new_session(start_bridge, connect, predictions, broker):
    bridge = start_bridge()
    client = connect(bridge)
    client.resynchronised()
    predictions.series(3)
    client.signals(3)
    p = predictions.make(0).series.partition
    pipeline = broker.client.pipeline()  # at once, so that the reader cannot see what comes before the trim
    made = [predictions.make(at) for at in range(3, 9)]
    for prediction in made:
        pipeline.xadd(broker.names.predictions(p), {"m": encode_prediction(prediction)})
        pipeline.hset(broker.names.latest(p), prediction.series.key, encode_prediction(prediction))
    pipeline.xtrim(broker.names.predictions(p), maxlen=2, approximate=False)
    pipeline.execute()
    (newest,) = client.signals(1)
    assert (newest.line.prediction.id, newest.origin) == (made[-1].id, Origin.SNAPSHOT)
    client.resynchronised()
    assert (bridge.stats.holes, bridge.stats.sessions) == (1, 2)
    (after,) = predictions.series(1, start=9)
    assert [(s.line.prediction.id, s.line.seq) for s in client.signals(1)] == [(after.id, 1)]


def test_a_lost_connection_without_a_hole_keeps_the_session(start_bridge, connect, predictions, broker):
    bridge = start_bridge()
    client = connect(bridge)
    client.resynchronised()
    predictions.series(3)
    client.signals(3)
    broker.client.client_kill_filter(_type="normal", skipme=True)
    sent = predictions.series(3, start=3)
    live = client.signals(3)
    assert _ids(live) == [prediction.id for prediction in sent]
    assert [one.line.seq for one in live] == [4, 5, 6]
    assert (bridge.stats.holes, bridge.stats.sessions) == (0, 1)


def test_a_log_that_began_anew_begins_a_new_session(start_bridge, connect, predictions, broker):
    bridge = start_bridge()
    client = connect(bridge, "EURUSD")
    client.resynchronised()
    predictions.series(3)
    client.signals(3)
    broker.client.flushall()
    broker.client.client_kill_filter(_type="normal", skipme=True)
    client.resynchronised()
    assert (bridge.stats.holes, bridge.stats.sessions) == (1, 2)
    (after,) = predictions.series(1)
    assert _ids(client.signals(1)) == [after.id]


def test_what_came_and_was_trimmed_while_away_begins_a_new_session(start_bridge, connect, predictions, broker):
    bridge = start_bridge()
    client = connect(bridge, "EURUSD")
    client.resynchronised()
    predictions.series(1)
    client.signals(1)
    missed = predictions.make(1)
    p, message = missed.series.partition, encode_prediction(missed)
    pipeline = broker.client.pipeline()  # at once: nothing is left to read
    pipeline.xadd(broker.names.predictions(p), {"m": message})
    pipeline.hset(broker.names.latest(p), missed.series.key, message)
    pipeline.xtrim(broker.names.predictions(p), maxlen=0, approximate=False)
    pipeline.execute()
    broker.client.client_kill_filter(_type="normal", skipme=True)
    (newest,) = client.signals(1)
    assert (newest.line.prediction.id, newest.origin) == (missed.id, Origin.SNAPSHOT)
    assert bridge.stats.holes == 1


def test_a_log_that_lost_only_its_junk_tail_begins_a_new_session(
    start_bridge, connect, predictions, broker, eventually
):
    bridge = start_bridge()
    client = connect(bridge, "EURUSD")
    client.resynchronised()
    (first,) = predictions.series(1)
    client.signals(1)
    log = broker.names.predictions(first.series.partition)
    broker.client.xadd(log, {"m": b"junk"})
    eventually(lambda: bridge.stats.junk == 1)
    ((kept_id, fields),) = _entries(broker, log)
    pipeline = broker.client.pipeline()
    pipeline.delete(log)
    pipeline.xadd(log, fields, id=kept_id)
    pipeline.execute()
    broker.client.client_kill_filter(_type="normal", skipme=True)
    client.resynchronised()
    assert (bridge.stats.holes, bridge.stats.sessions) == (1, 2)


def _entries(broker, log):
    return [(raw[0], fields_of(raw)) for raw in broker.client.xrange(log)]


@pytest.fixture
def durable_broker(tmp_path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "broker") as server:
        client = connect_broker(server.url)
        client.config_set("appendfsync", "always")
        client.close()
        yield server


def test_a_killed_broker_that_comes_back_whole_keeps_the_session(
    start_bridge, connect, predictions, durable_broker, eventually
):
    predictions.client = connect_broker(durable_broker.url)
    bridge = start_bridge(url=durable_broker.url)
    client = connect(bridge)
    client.resynchronised()
    predictions.series(3)
    client.signals(3)
    os.kill(durable_broker.pid, signal.SIGKILL)
    eventually(lambda: durable_broker.poll() is not None)
    durable_broker.start()
    sent = predictions.series(3, start=3)
    live = client.signals(3)
    predictions.client.close()
    assert _ids(live) == [prediction.id for prediction in sent]
    assert [one.line.seq for one in live] == [4, 5, 6]
    assert (bridge.stats.holes, bridge.stats.sessions) == (0, 1)


def test_a_killed_broker_that_lost_its_data_begins_a_new_session(start_bridge, connect, predictions, eventually):
    with EmbeddedBroker() as server:
        predictions.client = connect_broker(server.url)
        bridge = start_bridge(url=server.url)
        client = connect(bridge, "EURUSD")
        client.resynchronised()
        predictions.series(3)
        client.signals(3)
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: server.poll() is not None)
        server.start()
        client.resynchronised()
        sent = predictions.series(3)
        received = client.signals(3)
        bridge.end()
        predictions.client.close()
    assert _ids(received) == [prediction.id for prediction in sent]
    assert all(isinstance(one, Signal) for one in received)
    assert bridge.stats.holes == 1


def test_every_partition_is_read(start_bridge, connect, predictions):
    client = connect(start_bridge())
    client.resynchronised()
    by_partition = {}
    for number in range(2_000):
        prediction = predictions.make(0, symbol=f"S{number}")
        by_partition.setdefault(prediction.series.partition, prediction)
    assert len(by_partition) == PARTITIONS
    predictions.publish(*by_partition.values())
    assert set(_ids(client.signals(PARTITIONS))) == {prediction.id for prediction in by_partition.values()}
