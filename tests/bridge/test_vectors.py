"""The wire vectors: lines made without this code, each with its key and what it must be read as.

A vector's ``line`` has one character a byte (latin-1). A broken one names the field that must be complained of.
"""

import json
from pathlib import Path

import pytest

from bridge.fields import PPM
from bridge.lines import EndLine, HeartbeatLine, HelloLine, SignalLine, decode_line, encode_line
from shared.errors import JunkError

_VECTORS = [
    json.loads(text) for text in Path(__file__).parents[1].joinpath("vectors", "lines.jsonl").read_text().splitlines()
]
_GOOD = [vector for vector in _VECTORS if vector["valid"]]
_BROKEN = [vector for vector in _VECTORS if not vector["valid"]]


def _ppm(values):
    return [round(value * PPM) for value in values]


def _fields(line):
    head = {"session": line.session, "seq": line.seq, "sent_ms": line.sent_ms}
    match line:
        case HeartbeatLine():
            return head | {"kind": "B1", "symbol": line.symbol}
        case EndLine():
            return head | {"kind": "E1", "symbol": line.symbol, "count": line.count}
        case HelloLine():
            return head | {"kind": "H1", "symbol": line.symbol, "client": line.client}
        case SignalLine():
            made = line.prediction
            policy = [int(made.policy[0]), *_ppm(made.policy[1:])] if made.policy else []
            return head | {
                "kind": "N1" if line.snapshot else "S1", "id": made.id, "symbol": made.series.symbol,
                "timeframe": made.series.timeframe, "candle_ms": made.t, "expires_ms": made.valid_until_ms,
                "n": made.n, "buy": round(made.buy_prob * PPM), "sell": round(made.sell_prob * PPM),
                "direction": _ppm(made.direction_probs), "regime": _ppm(made.regime_probs),
                "outlook": _ppm(made.outlook), "policy": policy, "reasons": made.reasons, "bundle": made.bundle,
                "feature_set": made.feature_set, "admitted": made.admitted_us, "row": made.row_us,
                "queued": made.queued_us, "inferred": made.inferred_us,
            }  # fmt: skip


@pytest.mark.parametrize("vector", _GOOD, ids=lambda vector: vector["name"])
def test_a_good_line_is_read_exactly(vector):
    line = decode_line(vector["line"].encode("latin-1"), bytes.fromhex(vector["key"]))
    assert _fields(line) == vector["fields"]


@pytest.mark.parametrize("vector", _GOOD, ids=lambda vector: vector["name"])
def test_a_good_line_is_written_exactly(vector):
    data, key = vector["line"].encode("latin-1"), bytes.fromhex(vector["key"])
    written = encode_line(decode_line(data, key), key)
    if "newer protocol" in vector["name"]:
        assert data.startswith(written.rpartition(b"|")[0])
    else:
        assert written == data


@pytest.mark.parametrize("vector", _BROKEN, ids=lambda vector: vector["name"])
def test_a_broken_line_is_junk_and_the_reason_names_the_field(vector):
    with pytest.raises(JunkError, match=rf"^{vector['field']}: "):
        decode_line(vector["line"].encode("latin-1"), bytes.fromhex(vector["key"]))
