"""The wire vectors of what Expert Advisors send and get: lines and frames made without this code.

As those of ``lines.jsonl``; a ``C1`` has its second frame in hex, and what it must be read as: candles, and refusals.
"""

import json
from pathlib import Path

import pytest

from bridge.bulk import read_bulk
from bridge.ea_lines import AckLine, PlaceLine, PlaceQuery, PresenceLine, PushLine, TakenLine
from bridge.lines import decode_line, encode_line
from producer.zones import parse_zone
from shared.errors import JunkError

_FILE = Path(__file__).parents[1] / "vectors" / "requests.jsonl"
_VECTORS = [json.loads(text) for text in _FILE.read_text().splitlines()]
_GOOD = [vector for vector in _VECTORS if vector["valid"]]
_BROKEN = [vector for vector in _VECTORS if not vector["valid"]]
_ZONE = parse_zone("broker-eu")


def _read(vector):
    return decode_line(vector["line"].encode("latin-1"), bytes.fromhex(vector["key"]))


def _series(line):
    return {"symbol": line.series.symbol, "timeframe": line.series.timeframe, "sent_ms": line.sent_ms}


def _fields(line):
    match line:
        case PlaceQuery():
            return {"kind": "Q1", "client": line.client} | _series(line)
        case PushLine():
            head = {"kind": "C1", "client": line.client} | _series(line)
            return head | {"count": line.count, "last_ms": line.last_ms, "digest": line.digest}
        case PlaceLine():
            return {"kind": "R1", "session": line.session, "candle_ms": line.candle_ms, "wait_ms": line.wait_ms,
                    "admitted": line.admitted, "refused": line.refused,
                    "refusals": [[one.candle_ms, one.reason] for one in line.refusals]} | _series(line)  # fmt: skip
        case AckLine():
            return {"kind": "A1", "client": line.client, "symbol": line.symbol, "run": line.run, "id": line.id,
                    "number": line.number, "sent_ms": line.sent_ms, "event": line.event,
                    "side": line.side, "lots": line.lots_ppm, "price": line.price_points,
                    "detail": line.detail}  # fmt: skip
        case TakenLine():
            return {"kind": "K1", "session": line.session, "seq": line.seq, "sent_ms": line.sent_ms,
                    "symbol": line.symbol}  # fmt: skip
        case PresenceLine():
            return {"kind": "P1", "client": line.client, "symbol": line.symbol, "session": line.session,
                    "seq": line.seq, "sent_ms": line.sent_ms}  # fmt: skip


@pytest.mark.parametrize("vector", _GOOD, ids=lambda vector: vector["name"])
def test_a_good_line_is_read_exactly(vector):
    line = _read(vector)
    assert _fields(line) == vector["fields"]
    if "frame" in vector:
        candles, refusals = read_bulk(line, bytes.fromhex(vector["frame"]), _ZONE)
        assert [list(candle) for candle in candles.tolist()] == vector["candles"]
        assert [[one.candle_ms, one.reason] for one in refusals] == vector["refused"]


@pytest.mark.parametrize("vector", _GOOD, ids=lambda vector: vector["name"])
def test_a_good_line_is_written_exactly(vector):
    data, key = vector["line"].encode("latin-1"), bytes.fromhex(vector["key"])
    written = encode_line(decode_line(data, key), key)
    if "newer protocol" in vector["name"]:
        assert data.startswith(written.rpartition(b"|")[0])
    elif "ends after" in vector["name"]:
        assert written.startswith(data.rpartition(b"|")[0])
    else:
        assert written == data


@pytest.mark.parametrize("vector", _BROKEN, ids=lambda vector: vector["name"])
def test_a_broken_line_or_frame_is_junk_and_the_reason_names_the_field(vector):
    def read():
        line = _read(vector)
        return read_bulk(line, bytes.fromhex(vector["frame"]), None)

    with pytest.raises(JunkError, match=rf"^{vector['field']}: "):
        read()
