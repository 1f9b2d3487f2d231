"""The wire vectors, read and written by the EA's classes: the same verdict as Python's on every one, field by field."""

import hashlib
import json
import struct
from pathlib import Path

import pytest
from harness.terminal import Terminal

from shared.contracts import encode_symbol
from shared.timeframe import timeframe_ms

_HERE = Path(__file__).parent
_FROM_BRIDGE, _FROM_EA = {"R1", "K1"}, {"Q1", "C1", "A1", "P1", "H1"}


def _vectors(name):
    return [json.loads(text) for text in (_HERE.parent / "vectors" / f"{name}.jsonl").read_text().splitlines()]


_VECTORS = _vectors("lines")


def _said(vector):
    if not vector["valid"]:
        return f"broken {vector['field']}"
    fields = vector["fields"]
    symbol = "*" if fields["symbol"] is None else encode_symbol(fields["symbol"])
    words = [fields["kind"], fields["session"], fields["seq"], fields["sent_ms"], symbol]
    words += [fields[name] for name in ("count", "client") if name in fields]
    if fields["kind"] in {"S1", "N1"}:
        parts = vector["line"].split("|")
        words += [
            parts[4],
            parts[6],
            fields["candle_ms"],
            fields["expires_ms"],
            fields["n"],
            fields["reasons"],
            parts[27],
        ]
        words += [fields["feature_set"], *fields["regime"]]
        words += [fields[name] for name in ("admitted", "row", "queued", "inferred", "buy", "sell")]
        words += fields["direction"]
        words += ["outlook", *fields["outlook"]] if fields["outlook"] else []
        words += ["policy", *fields["policy"]] if fields["policy"] else []
    return "good " + " ".join(map(str, words))


@pytest.fixture(scope="module")
def program(compiled):
    return compiled(_HERE / "Vectors.mq5")


def _run(program, folder, symbol="EURUSD", lines=()):
    (folder / "vectors.txt").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    terminal = Terminal(program, folder)
    terminal.do(f"set symbol {symbol}")
    said = [line[2:] for line in terminal.do("start")]
    terminal.quit()
    return said


def test_every_vector_is_read_as_python_reads_it(program, tmp_path):
    lines = [
        f"{one['key']} {one['line'][:2].ljust(2, '-').replace(' ', '-')} {one['line'].encode('latin-1').hex()}"
        for one in _VECTORS
    ]
    said = _run(program, tmp_path, lines=lines)
    differing = [
        (one["name"], read, _said(one)) for one, read in zip(_VECTORS, said, strict=False) if read != _said(one)
    ]
    assert not differing
    assert len(said) == len(_VECTORS) + 1


@pytest.mark.parametrize(
    "symbol", ["EURUSD", "EURUSDm", "EURUSD.r", "EUR|USD", "100%", "ЕВРО/€", "𝄞𝄞", "a b", "#GER40"]
)
def test_symbols_are_spelt_as_python_spells_them(program, tmp_path, symbol):
    assert _run(program, tmp_path, symbol) == [f"name {encode_symbol(symbol)}"]


def _place(vector):
    if not vector["valid"]:
        return f"broken {vector['field']}"
    fields, series = vector["fields"], encode_symbol(vector["fields"]["symbol"])
    head = f"good {fields['kind']} {fields['session']} {fields.get('seq', 0)} {fields['sent_ms']} {series}"
    if fields["kind"] == "K1":
        return head
    width_s = timeframe_ms(fields["timeframe"]) // 1_000
    refusals = ",".join(f"{t}:{why}" for t, why in fields["refusals"])
    return f"{head} {width_s} {fields['candle_ms']} {fields['wait_ms']} {fields['refused']} [{refusals}]"


def test_the_bridges_answers_are_read_as_python_reads_them(program, tmp_path):
    answers = [one for one in _vectors("requests") if one["line"][:2] in _FROM_BRIDGE]
    lines = [f"{one['key']} {one['line'][:2]} {one['line'].encode('latin-1').hex()}" for one in answers]
    said = _run(program, tmp_path, lines=lines)[:-1]
    assert dict(zip((one["name"] for one in answers), said, strict=True)) == {
        one["name"]: _place(one) for one in answers
    }


def test_what_an_ea_sends_is_signed_as_python_signs_it(program, tmp_path):
    sent = [one for one in _vectors("requests") if one["valid"] and one["line"][:2] in _FROM_EA]
    lines = [f"{one['key']} C {one['line'].rpartition('|')[0].encode('latin-1').hex()}" for one in sent]
    assert _run(program, tmp_path, lines=lines)[:-1] == [f"signed {one['line']}" for one in sent]


def test_candles_are_written_in_the_bytes_that_python_reads(program, tmp_path):
    pushes = [one for one in _vectors("requests") if one["valid"] and "frame" in one]
    frames = [bytes.fromhex(one["frame"]) for one in pushes]
    texts = ["/".join(",".join(map(repr, rate)) for rate in struct.iter_unpack("<qddddqiq", one)) for one in frames]
    said = _run(program, tmp_path, lines=[f"- MB {text}" for text in texts])[:-1]
    assert said == [f"bulk {one.hex()} {hashlib.sha256(one).hexdigest()}" for one in frames]
    assert [one["fields"]["digest"] for one in pushes] == [text.split()[-1] for text in said]


@pytest.mark.parametrize("kind", ["ZF", "ZB"], ids=["whole", "byte by byte"])
def test_frames_are_read_as_libzmq_reads_them_and_broken_ones_refused(program, tmp_path, kind):
    vectors = _vectors("frames")
    wanted = {
        one["name"]: " ".join([
            "good", *(f"message {','.join('x' + part for part in parts)}" for parts in one["messages"]),
            *(f"command {body}" for body in one["commands"]),
        ]) if one["valid"] else f"broken {one['fault']}"
        for one in vectors
    }  # fmt: skip
    said = _run(program, tmp_path, lines=[f"- {kind} {one['bytes']}" for one in vectors])[:-1]
    assert dict(zip(wanted, said, strict=True)) == wanted
