"""The bridge as a process of its own: told to stop, and killed."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from bridge.client import SignalClient
from bridge.events import Cause, Origin, Resynchronised, Signal
from bridge.keys import load_keys
from bridge.listener import Addresses
from bridge.service import run
from bridge.testing import ExpertAdvisor
from shared.ack_log import AckLog
from shared.contracts import Series
from shared.errors import InputError, SchemaError, SettingError
from shared.service import ServiceContext
from shared.settings.groups import BridgeSettings, Settings, SystemSettings
from shared.testing import walk_candles

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
def settings(broker, tmp_path):
    return Settings(
        system=SystemSettings(broker_url=broker.url),
        bridge=BridgeSettings(
            signals_bind=f"tcp://127.0.0.1:{_free_port()}",
            requests_bind=f"tcp://127.0.0.1:{_free_port()}",
            keys=str(tmp_path / "keys.json"),
        ),
    )


@contextmanager
def _process(settings):
    command = [sys.executable, "-c", _PROGRAM, settings.model_dump_json()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _client(settings, tmp_path):
    addresses = Addresses(settings.bridge.signals_bind, settings.bridge.requests_bind)
    return SignalClient(addresses, load_keys(tmp_path / "keys.json"))


def test_a_killed_bridge_and_its_successor_are_told_apart(settings, tmp_path, predictions):
    with _process(settings) as first:
        client = _client(settings, tmp_path)
        events = client.events()
        start = next(events)
        (before,) = predictions.series(1)
        assert next(events).line.prediction.id == before.id
        first.kill()
        first.wait()
    (missed,) = predictions.series(1, start=1)
    with _process(settings) as second, client:
        snapshot, again = next(events), next(events)
        assert (snapshot.line.prediction.id, snapshot.origin) == (missed.id, Origin.SNAPSHOT)
        assert again == Resynchronised(None, snapshot.line.session, Cause.SESSION)
        assert again.session != start.session
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0


def test_a_stopped_and_continued_bridge_loses_nothing(settings, tmp_path, predictions):
    with _process(settings) as process, _client(settings, tmp_path) as client:
        events = client.events()
        next(events)
        os.kill(process.pid, signal.SIGSTOP)
        sent = predictions.series(2_000)
        os.kill(process.pid, signal.SIGCONT)
        received = [next(events) for _ in sent]
        assert [one.line.prediction.id for one in received if isinstance(one, Signal)] == [one.id for one in sent]


def test_candles_and_acks_outlive_a_killed_bridge_and_are_taken_once(settings, tmp_path, broker):
    series, candles = Series("EURUSD", "M15"), walk_candles(40)
    with _process(settings) as first:
        keys = load_keys(tmp_path / "keys.json")
        ea = ExpertAdvisor(settings.bridge.requests_bind, "ea", keys.bridge, keys.client)
        with closing(ea):
            assert ea.push(series, candles[:30]).admitted == 30
            ea.tell(1)
            assert ea.reply().seq == 1
        first.kill()
        first.wait()
    with (
        _process(settings),
        closing(ExpertAdvisor(settings.bridge.requests_bind, "ea", keys.bridge, keys.client)) as ea,
    ):
        assert ea.place(series).candle_ms == candles["t"][29]
        again = ea.push(series, candles)  # all of them, as after an answer that was lost
        assert (again.admitted, again.refused, again.candle_ms) == (10, 0, candles["t"][39])
        for number in (1, 2):
            ea.tell(number)
            assert ea.reply().seq == number
    assert broker.client.xlen(broker.names.candles(series.partition)) == 40
    assert [ack.number for _, ack in AckLog(broker.client, broker.names, 1_000).read()] == [1, 2]


def test_run_stops_with_its_context_and_says_what_it_did(settings, broker):
    context = ServiceContext(broker.client, broker.names)
    stats = run(settings, context, on_ready=lambda _: context.stop.set())
    assert (stats.sessions, stats.lines_sent) == (1, 0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"keys": ""}, SettingError), ({"signals_bind": "tcp://0.0.0.0:5555"}, InputError),
     ({"requests_bind": "tcp://[::1]:5556"}, InputError)],
)  # fmt: skip
def test_run_refuses_settings_before_anything_else(settings, changes, error):
    bridge = settings.bridge.model_copy(update=changes)
    with pytest.raises(error):
        run(settings.model_copy(update={"bridge": bridge}))


def test_run_refuses_another_schema(settings, broker):
    broker.client.hset(broker.names.meta, mapping={"partitions": "64", "schema": "999"})
    with pytest.raises(SchemaError, match="schema"):
        run(settings, ServiceContext(broker.client, broker.names))
