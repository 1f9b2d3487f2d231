"""The wire vectors, read by the EA's codec: the same verdict as Python's on every one, field by field."""

import json
from pathlib import Path

import pytest
from harness.terminal import Terminal

from shared.contracts import encode_symbol

_HERE = Path(__file__).parent
_VECTORS = [json.loads(text) for text in (_HERE.parent / "vectors" / "lines.jsonl").read_text().splitlines()]


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


def _run(program, folder, symbol="EURUSD"):
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
    (tmp_path / "vectors.txt").write_text("\n".join(lines) + "\n", encoding="latin-1", errors="replace")
    said = _run(program, tmp_path)
    differing = [
        (one["name"], read, _said(one)) for one, read in zip(_VECTORS, said, strict=False) if read != _said(one)
    ]
    assert not differing
    assert len(said) == len(_VECTORS) + 1


@pytest.mark.parametrize(
    "symbol", ["EURUSD", "EURUSDm", "EURUSD.r", "EUR|USD", "100%", "ЕВРО/€", "𝄞𝄞", "a b", "#GER40"]
)
def test_symbols_are_spelt_as_python_spells_them(program, tmp_path, symbol):
    (tmp_path / "vectors.txt").write_text("")
    assert _run(program, tmp_path, symbol) == [f"name {encode_symbol(symbol)}"]
