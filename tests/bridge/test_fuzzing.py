"""Whatever comes in, signed or not: junk is called junk, and the bridge goes on serving.

``make fuzz`` is the long form.
"""

import hashlib
import json
import os
import resource
import socket
from pathlib import Path

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.bulk import BULK_BYTES_MAX, read_bulk
from bridge.ea_lines import PushLine
from bridge.keys import Keys
from bridge.lines import decode_line, encode_line
from bridge.signature import LINE_BYTES_MAX, sign
from bridge.testing import push_of
from producer.zones import parse_zone
from shared.contracts import Series
from shared.errors import JunkError
from shared.testing import walk_candles

EXAMPLES = int(os.environ.get("NATRON_FUZZ_EXAMPLES", "300"))
KEYS = Keys(bytes(range(32)), bytes(range(32, 64)))
_FUZZ = settings(
    max_examples=EXAMPLES, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
_VECTORS = Path(__file__).parents[1] / "vectors"
_TEXTS = [
    json.loads(text)["line"].rpartition("|")[0]
    for name in ("lines.jsonl", "requests.jsonl")
    for text in (_VECTORS / name).read_text().splitlines()
]
_ASCII = st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="|")
_FIELD = st.one_of(
    st.integers(-(2**70), 2**70).map(str), st.text(_ASCII, max_size=80),
    st.sampled_from(["", "*", "-", "0", "EURUSD", "EURUSD%2Er", "%zz", "900", "1732232700000", "0" * 64, "nan"]),
)  # fmt: skip


@st.composite
def _altered(draw):
    """A line of the vectors with fields replaced, dropped, doubled or swapped, and signed all the same."""
    fields = draw(st.sampled_from(_TEXTS)).split("|")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(fields) - 1))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            fields[at] = draw(_FIELD)
        elif kind == 1 and len(fields) > 1:
            del fields[at]
        elif kind == 2:
            fields.insert(at, fields[at])
        else:
            other = draw(st.integers(0, len(fields) - 1))
            fields[at], fields[other] = fields[other], fields[at]
    return "|".join(fields)


def _signed(text, key):
    try:
        return sign(text, key)
    except JunkError:  # longer than a line, or not ASCII
        return text.encode("utf-8", "replace") + b"|" + b"0" * 64


@_FUZZ
@given(_altered())
def test_a_signed_line_is_read_or_junk_and_what_is_read_is_written_alike(text):
    data = _signed(text, KEYS.client)
    try:
        line = decode_line(data, KEYS.client)
    except JunkError:
        return
    written = encode_line(line, KEYS.client)
    assert decode_line(written, KEYS.client) == line


@_FUZZ
@given(st.binary(max_size=LINE_BYTES_MAX + 8))
def test_any_bytes_are_junk(data):
    with pytest.raises(JunkError):
        decode_line(data, KEYS.client)


@_FUZZ
@given(st.binary(max_size=600), st.integers(1, 256), st.integers(1, 10**14 - 1), st.sampled_from(["broker-eu", None]))
def test_any_signed_frame_is_junk_or_sound_candles(frame, count, last_ms, tz):
    line, whole = push_of("ea", Series("EURUSD", "M15"), walk_candles(count % 10 + 1))
    mixed = frame[: len(whole)] + whole[len(frame) :]
    digest = hashlib.sha256(mixed).hexdigest()
    for altered in (PushLine("ea", line.series, 1, count, last_ms, digest),
                    PushLine("ea", line.series, 1, line.count, line.last_ms, digest)):  # fmt: skip
        try:
            candles, refusals = read_bulk(altered, mixed, tz and parse_zone(tz))
        except JunkError:
            continue
        assert len(candles) + len(refusals) == altered.count
        assert ((candles["l"] > 0) & (candles["l"] <= candles["h"]) & (candles["v"] >= 0)).all()


def test_a_bridge_goes_on_whatever_frames_it_gets(start_bridge, advisor):
    bridge = start_bridge()
    ea, series = advisor(bridge), Series("EURUSD", "M15")
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer, context.socket(zmq.XSUB) as subscriber:
        for one, address in ((dealer, bridge.addresses.requests), (subscriber, bridge.addresses.signals)):
            one.linger = 0
            one.connect(address)
        seen = [0]

        @_FUZZ
        @given(st.lists(st.one_of(st.binary(max_size=200), _altered()), min_size=1, max_size=4), st.booleans())
        def throw(frames, well_signed):
            data = [
                frame if isinstance(frame, bytes) else _signed(frame, KEYS.client if well_signed else bytes(32))
                for frame in frames
            ]
            dealer.send_multipart(data)
            subscriber.send_multipart([frame[:LINE_BYTES_MAX] for frame in data])
            seen[0] += 1
            if seen[0] % 64 == 0:
                ea.place(series)

        throw()
        ea.place(series)
        assert ea.push(series, walk_candles(3)).candle_ms == walk_candles(3)["t"][-1]
        assert bridge.thread.is_alive()
        assert bridge.stats.requests_refused + bridge.stats.hellos_refused > 0


_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)
_READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"
_PIECE = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([
        _GREETING, _READY, b"\x01\x00" * 50, b"\x02" + b"\xff" * 8, b"\x02" + (2**40).to_bytes(8, "big"),
        b"\x06" + (2**31).to_bytes(8, "big"), b"\x04\x05\x04PING", b"\x04\xff", b"\x00\xff" + b"\x01" * 255,
        b"\x02" + (BULK_BYTES_MAX + 1).to_bytes(8, "big") + bytes(BULK_BYTES_MAX + 1), b"\x07" * 64,
    ]),
)  # fmt: skip


def test_a_bridge_goes_on_whatever_bytes_it_gets(start_bridge, advisor):
    bridge = start_bridge(changes={"connections_max": 10_000})
    ea, series = advisor(bridge), Series("EURUSD", "M15")
    ports = [int(address.rpartition(":")[2]) for address in (bridge.addresses.signals, bridge.addresses.requests)]
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(_FUZZ, max_examples=max(30, EXAMPLES // 5))
    @given(st.lists(_PIECE, max_size=8), st.sampled_from(ports), st.booleans())
    def throw(pieces, port, greeted):
        with socket.create_connection(("127.0.0.1", port)) as hostile:
            try:
                hostile.sendall((_GREETING + _READY if greeted else b"") + b"".join(pieces))
            except OSError:
                return  # it was closed meanwhile

    throw()
    assert ea.push(series, walk_candles(3)).admitted == 3
    assert bridge.thread.is_alive()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 200_000
