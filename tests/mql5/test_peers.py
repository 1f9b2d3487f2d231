"""Peers that are slow, foreign or hostile: bytes over raw TCP. Whatever they send, the EA lives and trades nothing."""

import struct
from pathlib import Path

import pytest
import zmq
from harness.desk import prepare
from harness.peer import GREETING, Peer, command, property_of, ready


@pytest.fixture
def facing(desk):
    """The desk, its SUB connection going to a peer of the test's."""
    peer = Peer()
    prepare(desk.terminal, (peer.port, desk.bridge.ports[1]))
    both = desk.bridge.attend
    desk.terminal.attend = lambda: (both(), peer.attend())
    assert desk.terminal.do("init")[-1] == "= init 0"
    desk.terminal.until(lambda: len(peer.got) >= 64)
    yield desk, peer
    peer.server.close()
    peer.end()


def test_the_greeting_goes_out_whole_and_at_once(facing):
    _, peer = facing
    assert peer.got == GREETING


def test_the_handshake_and_the_subscription(facing):
    desk, peer = facing
    peer.send(GREETING + ready(b"XPUB"))
    subscription = b"\x01sig.EURUSD."
    wanted = GREETING + ready(b"SUB") + bytes([0, len(subscription)]) + subscription
    desk.terminal.until(lambda: len(peer.got) >= len(wanted))
    assert peer.got == wanted


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(80), "greeting: not ZeroMQ"),
        (GREETING[:10] + b"\x01" + GREETING[11:], "greeting: ZMTP older than 3"),
        (GREETING[:9] + b"\x7e" + GREETING[10:], "greeting: ZMTP older than 3"),
        (GREETING.replace(b"NULL\0", b"CURVE"), "greeting: another security mechanism"),
        (GREETING.replace(b"NULL", b"NULM"), "greeting: another security mechanism"),
        (GREETING + ready(b"ROUTER"), "READY: the peer's socket"),
        (GREETING + command(b"READY", b"\xff\xff\xff"), "READY: the peer's socket"),
        (GREETING + command(b"READY", property_of(b"Socket-Type", b"XPUB")[:-2]), "READY: the peer's socket"),
        (GREETING + command(b"READY", b"\x0bSocket-Type\xff\xff\xff\xff"), "READY: the peer's socket"),
        (GREETING + command(b"ERROR", b"\x02no"), "refused by the bridge"),
        (GREETING + b"\x00\x05hello", "a message before the handshake"),
        (GREETING + b"\x80\x05hello", "frame: reserved flags"),
        (GREETING + ready(b"XPUB") + b"\x08\x01a", "frame: reserved flags"),
        (GREETING + ready(b"XPUB") + b"\x05\x05\x04PING", "frame: a command with more"),
        (GREETING + ready(b"XPUB") + b"\x02" + struct.pack(">Q", 1_024), "frame: larger than allowed"),
        (GREETING + ready(b"XPUB") + b"\x02" + b"\xff" * 8, "frame: larger than allowed"),
        (GREETING + ready(b"XPUB") + b"\x02" + struct.pack(">Q", 1 << 32), "frame: larger than allowed"),
        (GREETING + ready(b"XPUB") + b"\x02" + struct.pack(">Q", 1 << 63), "frame: larger than allowed"),
        (GREETING + ready(b"XPUB") + b"\x06" + struct.pack(">Q", 1_024), "frame: larger than allowed"),
        (GREETING + ready(b"XPUB") + b"\x01\x01a" * 5, "message: more frames than allowed"),
        (GREETING + ready(b"XPUB") + command(b"PING", b"\0\x0a" + bytes(17)), "PING: not of its size"),
        (GREETING + ready(b"XPUB") + command(b"PING", b"\0"), "PING: not of its size"),
    ],
    ids=range(22),
)
def test_a_peer_that_breaks_the_rules_is_left(facing, data, why):
    desk, peer = facing
    peer.send(data)
    desk.terminal.until(lambda: desk.terminal.heard(f"signals: {why}"))
    desk.terminal.until(lambda: peer.accepted > 1)  # and tried again later


def test_a_frame_of_the_largest_size_is_taken(facing):
    desk, peer = facing
    peer.send(GREETING + ready(b"XPUB") + b"\x02" + struct.pack(">Q", 1_023) + bytes(1_023))
    desk.terminal.until(lambda: "refused lines: 1" in desk.terminal.panel())
    assert peer.accepted == 1


def test_frames_of_255_and_256_bytes_are_told_apart(facing):
    desk, peer = facing
    peer.send(GREETING + ready(b"XPUB") + b"\x00\xff" + bytes(255) + b"\x02" + struct.pack(">Q", 256) + bytes(256))
    desk.terminal.until(lambda: "refused lines: 2" in desk.terminal.panel())


def test_a_ping_is_answered_with_its_context(facing):
    desk, peer = facing
    peer.send(GREETING + ready(b"XPUB") + command(b"PING", b"\x00\x0a" + b"context-of-16-by"))
    desk.terminal.until(lambda: peer.got.endswith(command(b"PONG", b"context-of-16-by")))


def test_a_silent_peer_is_pinged_and_then_left(facing):
    desk, peer = facing
    peer.send(GREETING + ready(b"XPUB"))
    desk.terminal.until(lambda: b"sig.EURUSD." in peer.got)
    desk.terminal.advance(10_100)
    desk.terminal.until(lambda: b"\x04PING" in peer.got)
    desk.terminal.advance(20_000)
    desk.terminal.until(lambda: desk.terminal.heard("the bridge is silent"))


def test_a_handshake_that_never_ends_is_given_up(facing):
    desk, peer = facing
    peer.send(GREETING[:30])
    desk.terminal.advance(5_100)
    desk.terminal.until(lambda: desk.terminal.heard("the handshake takes too long"))


def test_attempts_get_rarer(facing):
    desk, peer = facing

    def attempts(turns):
        before = peer.accepted
        for _ in range(turns):
            desk.terminal.spend(1)
            peer.end()  # each connection ends at once
        return peer.accepted - before

    assert attempts(500) <= 8  # ten seconds: 250 ms, doubled each time, at least half of that
    assert 1 <= attempts(1_500) <= 6


def test_one_byte_pieces_both_ways(desk):
    desk.terminal.do("set piece 1")
    desk.start()
    desk.in_step()
    assert desk.trade().startswith("ordered")


def _resident_bytes(process):
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4_096


def test_a_flood_that_is_not_read_stays_outside(facing):
    desk, peer = facing
    desk.bridge.mute = True  # the HELLO stays unanswered, so the subscription waits
    peer.send(GREETING + ready(b"XPUB"))
    desk.terminal.until(lambda: b"sig.EURUSD." in peer.got)
    before = _resident_bytes(desk.terminal.process)
    peer.one.setblocking(False)
    sent = stuck = 0
    while stuck < 20:
        try:
            sent += peer.one.send(b"\x00\xff" + bytes(255))
            stuck = 0
        except BlockingIOError:
            desk.terminal.turn()
            stuck += 1
    assert sent > 262_144
    assert _resident_bytes(desk.terminal.process) - before < 40_000_000
    assert not desk.positions()


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_plain_lets_in_who_knows_the_password(desk, password):
    zap = desk.bridge.context.socket(zmq.REP)
    zap.bind("inproc://zeromq.zap.01")
    for one in (desk.bridge.signals, desk.bridge.requests):
        one.close(0)
    made = {}
    for name, kind in (("signals", zmq.XPUB), ("requests", zmq.ROUTER)):
        made[name] = desk.bridge.context.socket(kind)
        made[name].plain_server = True
        made[name].bind("tcp://127.0.0.1:*")
    desk.bridge.signals, desk.bridge.requests = made["signals"], made["requests"]
    both = desk.bridge.attend

    def attend():
        while zap.poll(0):
            request = zap.recv_multipart()
            good = request[6:8] == [b"trader", b"right"]
            zap.send_multipart([b"1.0", request[1], b"200" if good else b"400", b"", b"", b""])
        both()

    desk.terminal.attend = attend
    desk.start(User="trader", Password=password)
    if password == "right":
        desk.in_step()
        assert desk.trade().startswith("ordered")
    else:
        desk.terminal.until(lambda: desk.terminal.heard("user or password refused"))
        assert not desk.bridge.received
    zap.close(0)
