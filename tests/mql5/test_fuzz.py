"""Seeded noise at the EA: no crash, hang or leak, bounded memory, and no order on what is not a fresh signed signal.

A few seconds in CI; ``NATRON_FUZZ=100 pytest tests/mql5/test_fuzz.py`` tries a hundred times as much.
"""

import json
import os
import random
import struct
from pathlib import Path

import pytest
from harness.bridge_double import CLOSED_MS, KEYS, prediction
from harness.desk import prepare
from harness.peer import GREETING, Peer, command, ready
from harness.terminal import Terminal

from bridge.lines import decode_line, encode_signal, signal_body, signal_topic
from bridge.signature import LINE_BYTES_MAX, sign
from shared.errors import InputError, JunkError

ROUNDS = int(os.environ.get("NATRON_FUZZ", "1"))
_VECTORS = Path(__file__).parents[1] / "vectors" / "lines.jsonl"
_GROWTH_MAX = 24_000_000  # bytes of memory, sanitizers' own included


def _resident_bytes(process):
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4_096


def _noise(dice, data):
    """Bytes that were right, and are not any more."""
    made = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 5])):
        at = dice.randrange(len(made) + 1)
        what = dice.randrange(6)
        if what == 0 and made:
            made[at % len(made)] ^= 1 << dice.randrange(8)
        elif what == 1:
            made[at:at] = dice.randbytes(dice.choice([1, 1, 8, 300]))
        elif what == 2:
            del made[at : at + dice.choice([1, 4, 64])]
        elif what == 3:
            made[at:at] = made[at : at + dice.choice([1, 9, 40])]
        elif what == 4:
            made[at : at + 8] = struct.pack(
                ">Q", dice.choice([0, 1, 255, 1_023, 1_024, 1 << 31, 1 << 63, (1 << 64) - 1])
            )
        else:
            made[at:at] = dice.choice([b"|", b"||", b"-", b"0", b"9" * 19, b"%00", b"%2E", b"*", b"\r\n"])
    return bytes(made)


def _line(dice, body, key):
    """A line around noise: half of them signed, as nobody but a broken bridge would."""
    spoilt = _noise(dice, body.encode())
    if dice.random() < 0.5 and spoilt.isascii() and len(spoilt) < LINE_BYTES_MAX - 64:
        return sign(spoilt.decode(), key)
    return spoilt + b"|" + dice.randbytes(32).hex().encode()


@pytest.fixture(scope="module")
def codec(compiled):
    return compiled(Path(__file__).parent / "Vectors.mq5")


def test_noise_in_lines_is_judged_as_python_judges_it(codec, tmp_path):
    dice = random.Random(1)
    vectors = [one for one in map(json.loads, _VECTORS.read_text().splitlines()) if one["valid"]]
    cases = []
    for _ in range(3_000 * ROUNDS):
        one = dice.choice(vectors)
        key = bytes.fromhex(one["key"])
        data = _line(dice, one["line"].rpartition("|")[0], key)
        if b"\0" not in data and data[:2] in {b"S1", b"N1", b"B1", b"E1", b"H1"}:
            cases.append((data, key))
    text = "".join(f"{key.hex()} {data[:2].decode()} {data.hex()}\n" for data, key in cases)
    (tmp_path / "vectors.txt").write_text(text)
    terminal = Terminal(codec, tmp_path)
    said = [line[2:] for line in terminal.do("start")][:-1]
    terminal.quit()
    found = [line.startswith("good") for line in said]
    wanted = [_reads(data, key) for data, key in cases]
    assert sum(wanted) > 50
    differing = [
        (case[0], one) for case, one, other in zip(cases, said, wanted, strict=True) if (one[:4] == "good") != other
    ]
    assert not differing[:3]
    assert len(found) == len(wanted)


def _reads(data, key):
    try:
        decode_line(data, key)
    except (JunkError, InputError):
        return False
    return True


def _stream(dice):
    """What a peer sends on one connection: a handshake, frames of every kind, spoilt at any place."""
    one = prediction(t=CLOSED_MS - 900_000 * dice.randrange(3))
    line = encode_signal("00000000000000ab", dice.randrange(4), CLOSED_MS, signal_body(one), dice.choice(KEYS))
    bodies = [signal_topic(one), line, b"sig.EURUSD.hb", dice.randbytes(dice.choice([0, 1, 255, 256, 1_023]))]
    frames = b""
    for _ in range(dice.randrange(12)):
        body = dice.choice(bodies)
        flags = dice.choice([0, 1, 1, 4]) | 2 * (len(body) > 255 or dice.random() < 0.2)
        size = struct.pack(">Q", len(body)) if flags & 2 else bytes([len(body)])
        frames += dice.choice([bytes([flags]) + size + body, command(b"PING", b"\0\x0a" + dice.randbytes(3))])
    whole = GREETING + ready(dice.choice([b"XPUB", b"ROUTER"])) + frames
    return (
        whole
        if dice.random() < 0.1
        else whole[:64] + _noise(dice, whole[64:])
        if dice.random() < 0.7
        else _noise(dice, whole)
    )


def test_noise_in_frames_neither_kills_nor_fills_nor_trades(desk):
    dice = random.Random(2)
    peers = Peer(), Peer()
    prepare(desk.terminal, (peers[0].port, peers[1].port), MaxAgeS=100_000)
    desk.terminal.attend = lambda: [one.attend() for one in peers]
    assert desk.terminal.do("init")[-1] == "= init 0"
    before = 0
    for at in range(150 * ROUNDS):
        desk.terminal.until(lambda: any(one.one for one in peers))
        for one in peers:
            if one.one:
                one.send(_stream(dice))
        desk.terminal.spend(2)
        for one in peers:
            one.end()
        desk.terminal.advance(16_000)  # whatever it waits for before it tries again
        desk.terminal.spend(1)
        desk.terminal.said.clear()
        if at == 50:
            before = _resident_bytes(desk.terminal.process)
    assert _resident_bytes(desk.terminal.process) - before < _GROWTH_MAX
    assert desk.terminal.number("requests") == 0
    for one in peers:
        one.end()
        one.server.close()
    desk.terminal.do("deinit 1")
    assert desk.terminal.number("sockets") == 0
    desk.terminal.quit()  # and nothing leaked


def _unfit(dice, seq):
    """Topic and line of something that must not become an order."""
    fresh = prediction()
    topic, body = signal_topic(fresh), signal_body(fresh)
    right = encode_signal("00000000000000aa", seq, CLOSED_MS + 900_000, body, KEYS.bridge)
    kinds = [
        lambda: (topic, right.rpartition(b"|")[0]),
        lambda: (topic, right.rpartition(b"|")[0] + b"|"),
        lambda: (topic, encode_signal("00000000000000aa", seq, CLOSED_MS + 900_000, body, KEYS.client)),
        lambda: (topic, _flipped(dice, right)),
        lambda: (dice.choice([b"sig.EURUSD.M5", b"sig.EURUSD.", b"sig.EURUSD.hb"]), right),
        lambda: (topic, sign(f"N1|00000000000000aa|{seq}|1|{body}", KEYS.bridge)),
        lambda: (topic, sign(f"S1|00000000000000aa|{seq}|1|{body}".replace("|900|", "|300|"), KEYS.bridge)),
        lambda: _signed(prediction(t=CLOSED_MS - 900_000 * dice.randrange(1, 90)), 10**6),
        lambda: _signed(prediction(reasons=dice.randrange(1, 512)), 0),
    ]
    return dice.choice(kinds)()


def _flipped(dice, line):
    made = bytearray(line)
    made[dice.randrange(len(made))] ^= 1 << dice.randrange(7)
    return bytes(made)


def _signed(one, ahead):
    return signal_topic(one), encode_signal("00000000000000aa", ahead, 1, signal_body(one), KEYS.bridge)


def test_nothing_but_a_fresh_signed_signal_becomes_an_order_and_that_once(desk):
    dice = random.Random(3)
    desk.start(MaxAgeS=100_000)
    desk.in_step()
    sent = []
    for _ in range(600 * ROUNDS):
        sent.append(_unfit(dice, desk.bridge.ledger.seq("EURUSD") + 1))
        desk.bridge.send(*sent[-1])
        desk.terminal.spend(1)
    desk.terminal.until(lambda: "link: in step" in desk.terminal.panel())
    assert desk.terminal.number("requests") == 0
    desk.terminal.quote()
    topic, line = desk.bridge.append(prediction())
    for _ in range(5):
        desk.bridge.send(topic, line)
    assert desk.decision(prediction().id) == "ordered: code 10009"
    desk.terminal.quote(1.1032)
    desk.terminal.quote()
    assert not desk.positions()
    for one in [*sent, (topic, line)] * 2:
        desk.bridge.send(*one)
    desk.terminal.spend(200)
    assert desk.terminal.number("requests") == 1
    desk.terminal.quit()
