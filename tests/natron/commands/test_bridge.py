"""``natron bridge``: enrolling, sending away, and who is there."""

import json
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bridge.handout import write_owner_inputs
from bridge.keys import load_keys
from bridge.service import run
from bridge.testing import ExpertAdvisor
from natron.cli import app
from shared.clock import SystemClock
from shared.contracts import Series
from shared.errors import InputError
from shared.service import ServiceContext
from shared.settings.groups import BridgeSettings, Settings, SystemSettings
from shared.testing import BrokerUnderTest, walk_candles


def natron(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bridge", *map(str, arguments)])


def test_a_client_is_enrolled_and_sent_away(tmp_path: Path) -> None:
    said = natron("enroll", "ea-1", "--symbols", "EURUSD, GBPUSD,", "--tz", "broker-eu", "--data", tmp_path).stdout
    given = tmp_path / "clients" / "ea-1" / "NatronEA.set"
    assert "ea-1 is enrolled and may push EURUSD, GBPUSD" in said
    assert str(given) in said
    natron("enroll", "ea-2", "--data", tmp_path)
    write_owner_inputs(tmp_path, tmp_path / "keys.json", BridgeSettings())
    keys = load_keys(tmp_path / "keys.json")
    assert (keys.clients["ea-1"].symbols, keys.clients["ea-2"].symbols) == ({"EURUSD", "GBPUSD"}, frozenset())
    said = natron("revoke", "ea-1", "--data", tmp_path).stdout
    assert "ea-2 needs its new file" in said
    assert not given.exists()
    rotated = load_keys(tmp_path / "keys.json").bridge.hex()
    for folder in (tmp_path, tmp_path / "clients" / "ea-2"):
        assert rotated in (folder / "NatronEA.set").read_bytes()[2:].decode("utf-16-le")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [(("--tz", "Asia/Kolkata"), "--tz = "), (("--set", "bridge.signals_bind=tcp://0.0.0.0:5"), "--host = ")],
)
def test_what_cannot_be_handed_out_enrolls_nobody(tmp_path: Path, options: tuple[str, ...], complaint: str) -> None:
    refused = natron("enroll", "ea-1", "--data", tmp_path, *options)
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception).startswith(complaint)
    assert not (tmp_path / "keys.json").exists()


def test_clients_are_shown_with_their_bridge(broker: BrokerUnderTest, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    group = BridgeSettings(signals_bind="tcp://127.0.0.1:*", requests_bind="tcp://127.0.0.1:*", keys=str(keys))
    settings = Settings(system=SystemSettings(broker_url=broker.url), bridge=group)
    context, ready = ServiceContext(broker.client, broker.names, SystemClock(), instance="b-1"), threading.Event()
    bound: list[str] = []

    def on_ready(addresses: object) -> None:
        bound.append(addresses.requests)  # type: ignore[attr-defined]
        ready.set()

    thread = threading.Thread(target=run, args=(settings, context), kwargs={"on_ready": on_ready})
    thread.start()
    try:
        assert ready.wait(30)
        made = load_keys(keys)
        ea = ExpertAdvisor(bound[0], "ea-1", made.bridge, made.client)
        ea.push(Series("EURUSD.r", "M15"), walk_candles(3))
        ea.tell(1, "EURUSD.r")
        assert ea.reply()
        ea.close()
        found: dict[str, dict[str, object]] = {}
        pause = threading.Event()
        for _ in range(3_000):
            found = json.loads(natron("clients", "--broker", broker.url, "--json").stdout)
            if found and found["b-1"]["clients"]:
                break
            pause.wait(0.01)
        (one,) = found["b-1"]["clients"]  # type: ignore[misc]
        assert (one["client"], one["symbol"], one["pushes"], one["acks"]) == ("ea-1", "EURUSD.r", 1, 1)
        assert "EURUSD.r" in natron("clients", "--broker", broker.url).stdout
    finally:
        context.stop.set()
        thread.join()
