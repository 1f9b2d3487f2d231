"""The scripts a trader runs by hand."""

import pytest
from harness.bridge_double import KEYS
from harness.terminal import Terminal


@pytest.fixture(scope="module")
def self_test(compiled, mql5):
    return compiled(mql5 / "Scripts" / "NatronSelfTest.mq5")


def _run(binary, folder, bridge_key):
    terminal = Terminal(binary, folder)
    terminal.do("set simulated 1")
    for name, value in {"BridgeKey": bridge_key, "ClientKey": KEYS.client.hex(), "Seconds": 2}.items():
        terminal.do(f"input {name} {value}")
    said = "\n".join(terminal.do("start"))
    terminal.quit()
    return said


def test_the_self_test_tells_each_step(self_test, tmp_path):
    said = _run(self_test, tmp_path, KEYS.bridge.hex())
    assert "SHA-256 ok" in said
    assert "keys ok" in said
    assert "symbol ok EURUSD" in said
    assert "link FAILED signals: not connected, error 5272" in said
    assert "keys FAILED each must be" in _run(self_test, tmp_path, "12")


def test_the_export_holds_every_closed_candle(compiled, mql5, tmp_path):
    terminal = Terminal(compiled(mql5 / "Scripts" / "NatronExport.mq5"), tmp_path)
    candles = [f"candle {1_732_233_600 + at * 900} 1.1 1.3 1.0 1.{at:04} {at} 3" for at in range(12)]
    for one in ["set simulated 1", *candles, "input Candles 7"]:
        terminal.do(one)
    assert "7 candles in Natron\\EURUSD_15min.csv" in terminal.do("start")[0]
    terminal.quit()
    lines = (tmp_path / "Natron" / "EURUSD_15min.csv").read_text().splitlines()
    assert lines[0] == "time,open,high,low,close,volume"
    assert lines[1] == "2024.11.22 01:00,1.10000,1.30000,1.00000,1.00040,4"
    assert lines[-1].endswith(",10")
    assert len(lines) == 8
