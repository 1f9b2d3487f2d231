"""The commands as processes: they find the running system, stop when told, and call nobody but loopback."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from feature_service.feature_set import FEATURE_SET
from natron.run_file import RunFile, write_run_file
from producer.exchange.testing import LocalExchange, Market
from producer.history import read_history
from shared.broker import fields_of
from shared.codec import decode_candle
from shared.contracts import WINDOW, Series
from shared.testing import walk_candles

GUARD = """
import sys
def audit(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] != "127.0.0.1":
        open({path!r}, "a").write(f"{{arguments[1]}}\\n")
        raise PermissionError("tests must not leave the machine")
    if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", b"127.0.0.1"):
        open({path!r}, "a").write(f"{{arguments[0]}}\\n")
        raise PermissionError("tests must not leave the machine")
sys.addaudithook(audit)
"""
HISTORY = FEATURE_SET.lookback + WINDOW


@pytest.fixture
def market() -> Market:
    """A market whose open candle began half an hour ago."""
    at = HISTORY + 500
    start_ms = int(time.time() * 1_000) // 60_000 * 60_000 - (at + 30) * 60_000
    return Market("BTCUSDT", walk_candles(at + 100, start_ms=start_ms, width_ms=60_000), at)


@pytest.fixture
def local(market):
    with LocalExchange([market]) as exchange:
        yield exchange


@pytest.fixture
def command(local, tmp_path, monkeypatch):
    """Start a natron command that may reach loopback alone; what else it tried is in a file that must not exist."""
    (tmp_path / "guard").mkdir()
    abroad = tmp_path / "abroad"
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD.format(path=str(abroad)))
    (tmp_path / "options.json").write_text(json.dumps(local.options))
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("NATRON_EXCHANGE_OPTIONS", str(tmp_path / "options.json"))
    paths = [str(tmp_path / "guard"), *(path for path in sys.path if path)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))

    def start(*arguments: str) -> "subprocess.Popen[str]":
        words = [sys.executable, "-m", "natron", *arguments]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    yield start
    assert not abroad.exists(), abroad.read_text()


def test_a_feed_finds_the_running_system_and_feeds_it(command, local, market, broker, await_true, tmp_path) -> None:
    write_run_file(RunFile(broker.url, "", "", "", str(tmp_path), {"up": os.getpid()}))
    market_of = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "M1", "--as", "BTCUSD")
    feed = command("producer", "exchange", *market_of)
    series = Series("BTCUSD", "M1")
    history = broker.names.history(series.partition, series.key)

    def newest() -> int:
        entries = broker.client.xrevrange(history, count=1)
        return int(entries[0][0].split(b"-")[0]) if entries else 0

    await_true(lambda: newest() == market.truth["t"][market.at - 1] or feed.poll() is not None, "history")
    for _ in range(10):
        local.trade("BTCUSDT")
        local.close_candle("BTCUSDT")
    await_true(lambda: newest() == market.truth["t"][market.at - 1] or feed.poll() is not None, "live candles")
    feed.send_signal(signal.SIGTERM)
    _, error = feed.communicate(timeout=20)
    assert feed.returncode == 0, error
    entries = [fields_of(entry) for entry in broker.client.xrange(history)]
    assert len(entries) >= HISTORY + 10
    found = [decode_candle(fields[b"m"], fields[b"n"], b"0") for fields in entries]
    assert {candle.flags for candle in found} == {0}
    values = [(one.t, one.o, one.h, one.l, one.c, one.v) for one in found]
    assert values == market.truth[market.at - len(found) : market.at].tolist()
    known = broker.client.hget(broker.names.series(series.partition), series.key)
    assert known == f"{len(found)} exchange:binance".encode()


def test_fetch_writes_a_file_that_other_commands_read(command, market, tmp_path) -> None:
    out, start = tmp_path / "out.csv", int(market.truth["t"][0])
    fetch = command(
        "candles", "fetch", "--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "M1",
        "--from", str(start), "--out", str(out), "--json",
    )  # fmt: skip
    printed, error = fetch.communicate(timeout=60)
    assert fetch.returncode == 0, error
    assert json.loads(printed)["fetched"] == market.at
    assert np.array_equal(read_history(out, "M1").candles, market.truth[: market.at])


def test_a_mistake_is_one_line(command) -> None:
    words = ("--exchange", "nowhere", "--symbol", "BTC/USDT", "--timeframe", "M1")
    feed = command("producer", "exchange", *words, "--broker", "redis://127.0.0.1:1")
    _, error = feed.communicate(timeout=60)
    assert feed.returncode == 2
    assert error.startswith("natron: exchange = 'nowhere'")
    assert "Traceback" not in error
