"""The EA on the real clock against the real bridge process, its keys and the broker it reads."""

import json
import socket
import subprocess
import sys
import time

import pytest
from harness.bridge_double import prediction
from harness.desk import prepare
from harness.terminal import Terminal

from shared.codec import encode_prediction
from shared.settings.groups import BridgeSettings, Settings, SystemSettings

_PROGRAM = """
import sys
from bridge.service import run
from shared.settings.groups import Settings
run(Settings.model_validate_json(sys.argv[1]), on_ready=lambda _: print("ready", flush=True))
"""


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def ports():
    return _free_port(), _free_port()


@pytest.fixture
def start(broker, tmp_path, ports):
    running = []

    def make():
        settings = Settings(
            system=SystemSettings(broker_url=broker.url),
            bridge=BridgeSettings(
                signals_bind=f"tcp://127.0.0.1:{ports[0]}",
                requests_bind=f"tcp://127.0.0.1:{ports[1]}",
                keys=str(tmp_path / "keys.json"),
            ),
        )
        command = [sys.executable, "-c", _PROGRAM, settings.model_dump_json()]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        assert running[-1].stdout.readline() == "ready\n"
        return running[-1]

    yield make
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def terminal(ea, tmp_path):
    made = Terminal(ea, tmp_path)
    made.utc_ms = int(time.time() * 1_000)
    yield made
    made.kill()


def _publish(broker, t, **changes):
    one = prediction(t=t, **changes)
    p, message = one.series.partition, encode_prediction(one)
    broker.client.xadd(broker.names.predictions(p), {"m": message})
    broker.client.hset(broker.names.latest(p), one.series.key, message)
    return one


def _enrolled(terminal, tmp_path, ports):
    keys = json.loads((tmp_path / "keys.json").read_text())
    prepare(terminal, ports, simulated=False, BridgeKey=keys["bridge"], ClientKey=keys["client"], MaxAgeS=100_000)
    assert terminal.do("init")[-1] == "= init 0"


def test_predictions_become_one_position_over_a_restart_of_the_bridge(start, terminal, tmp_path, ports, broker):
    first = start()
    _enrolled(terminal, tmp_path, ports)
    terminal.until(lambda: terminal.heard("link: in step"))
    closed = int(time.time()) // 900 * 900_000 - 900_000
    one = _publish(broker, closed)
    terminal.until(lambda: terminal.heard(f";ordered;{one.id};"))
    first.kill()
    first.wait()
    terminal.until(lambda: terminal.heard("the bridge closed") or terminal.heard("not connected"))
    start()
    terminal.until(lambda: terminal.heard(f";refused;{one.id};0;0.00;0.00000;acted on before"))
    assert len(terminal.state("position")) == 1
    other = _publish(broker, closed, symbol="EURUSDm")
    _publish(broker, closed + 900_000, reasons=4)
    terminal.until(lambda: terminal.heard("reasons: REPLAY"))
    assert not terminal.heard(other.id)
    assert terminal.number("requests") == 1


def test_a_client_with_another_key_is_answered_nothing(start, terminal, tmp_path, ports, broker):
    start()
    keys = json.loads((tmp_path / "keys.json").read_text())
    prepare(terminal, ports, simulated=False, BridgeKey=keys["bridge"], ClientKey="00" * 32)
    terminal.do("init")
    terminal.until(lambda: terminal.heard("link: catching up"))
    _publish(broker, int(time.time()) // 900 * 900_000 - 900_000)
    terminal.spend(200)
    assert not terminal.heard("link: in step")
    assert not terminal.state("position")
