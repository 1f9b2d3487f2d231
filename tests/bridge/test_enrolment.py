"""Enrolling, sending away, and what a client is given."""

import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bridge.enrolment import KeyFile, enroll, revoke
from bridge.handout import check_inputs, ea_inputs, write_handout, write_owner_inputs
from bridge.keys import load_keys, load_or_create_keys
from shared.errors import InputError
from shared.settings.groups import BridgeSettings

EA = Path(__file__).parents[2] / "mql5" / "Experts" / "NatronEA.mq5"
PLAIN = BridgeSettings(security="plain", signals_bind="tcp://0.0.0.0:7001", requests_bind="tcp://0.0.0.0:7002")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


def _read_set(path):
    raw = path.read_bytes()
    assert raw[:2] == b"\xff\xfe"
    lines = raw[2:].decode("utf-16-le").split("\r\n")
    assert lines[-1] == ""
    return dict(line.split("=", 1) for line in lines[:-1] if not line.startswith(";")), [
        line for line in lines if line.startswith(";")
    ]


def test_each_client_has_its_own_key_and_list(path):
    owner = load_or_create_keys(path)
    enroll(path, "ea-1", ["EURUSD.r", "ЕВРО/€"], source="server-7", tz="broker-us")
    keys = enroll(path, "ea-2", None)
    one, two = keys.clients["ea-1"], keys.clients["ea-2"]
    assert len({one.key, two.key, owner.client, owner.bridge}) == 4
    assert (one.symbols, one.source, one.tz) == ({"EURUSD.r", "ЕВРО/€"}, "ea:server-7", "broker-us")
    assert (two.symbols, two.source) == (None, "ea:ea-2")
    assert (keys.bridge, keys.client) == (owner.bridge, owner.client)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_enrolling_again_changes_the_list_and_keeps_the_key(path):
    first = enroll(path, "ea-1", ["EURUSD"]).clients["ea-1"]
    again = enroll(path, "ea-1", ["GBPUSD"]).clients["ea-1"]
    assert (again.key, again.symbols) == (first.key, {"GBPUSD"})


def test_a_revoke_forgets_the_client_and_changes_the_bridges_key(path):
    before = enroll(path, "ea-1", ["EURUSD"])
    enroll(path, "ea-2", [])
    after = revoke(path, "ea-1")
    assert set(after.clients) == {"ea-2"}
    assert after.bridge != before.bridge
    assert after.client == before.client
    assert enroll(path, "ea-1", []).clients["ea-1"].key != before.clients["ea-1"].key
    with pytest.raises(InputError, match=r"NAME = 'ea-3': is not enrolled; enrolled: ea-1, ea-2"):
        revoke(path, "ea-3")


def test_clients_that_are_enrolled_together_are_all_there(path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: enroll(path, f"ea-{at}", []), range(16)))
    assert len(load_keys(path).clients) == 16


@pytest.mark.parametrize(
    ("name", "symbols", "tz", "field"),
    [("", [], None, "NAME"), ("a b", [], None, "NAME"), ("a" * 33, [], None, "NAME"), ("owner", [], None, "NAME"),
     ("../x", [], None, "NAME"), ("ea", ["a\n"], None, "symbol"), ("ea", [], "Mars", "tz")],
)  # fmt: skip
def test_what_can_be_no_client_is_refused(path, name, symbols, tz, field):
    with pytest.raises(InputError, match=f"^{field} = "):
        enroll(path, name, symbols, tz=tz)
    assert not path.exists()


def test_secrets_are_made_of_the_key_and_do_not_give_it_away(path):
    keys = enroll(path, "ea-1", [])
    client = keys.clients["ea-1"]
    assert re.fullmatch("[0-9a-f]{32}", client.password)
    secrets = [client.password, client.curve_secret.hex(), keys.curve_secret.hex(), client.key.hex()]
    assert len(set(secrets)) == 4
    assert not any(secret in repr((keys, client)) for secret in secrets)


def test_every_input_is_one_of_the_expert_advisors(path):
    keys = enroll(path, "ea-1", ["EURUSD"], tz="broker-eu")
    declared = set(re.findall(r"^input \w+ (\w+) =", EA.read_text(), re.MULTILINE))
    assert set(ea_inputs(keys, keys.clients["ea-1"], BridgeSettings())) <= declared


def test_the_file_of_inputs_is_as_metatrader_writes_it_and_says_everything(path, tmp_path):
    keys = enroll(path, "ea-1", ["EURUSD", "EUR|USD", "ЕВРО/€"], tz="broker-us", host="192.0.2.7")
    client = keys.clients["ea-1"]
    inputs, remarks = _read_set(write_handout(tmp_path / "given", keys, client, PLAIN))
    assert inputs == {
        "Host": "192.0.2.7", "SignalsPort": "7001", "RequestsPort": "7002", "User": "ea-1",
        "Password": client.password, "BridgeKey": keys.bridge.hex(), "ClientKey": client.key.hex(), "ClientId": "ea-1",
        "PushCandles": "true", "ServerZone": "1", "ServerOffsetHours": "0",
    }  # fmt: skip
    assert "; symbols=EURUSD,EUR|USD,ЕВРО/€" in remarks
    assert {stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "given").iterdir()} == {0o600}
    given = load_keys(tmp_path / "given" / "keys.json")
    assert (given.bridge, given.client, given.name, given.curve_public) == (
        keys.bridge, client.key, "ea-1", keys.curve_public,
    )  # fmt: skip
    assert "clients" not in json.loads((tmp_path / "given" / "keys.json").read_text())


@pytest.mark.parametrize(
    ("tz", "zone", "hours"), [("broker-eu", "0", "0"), ("+02:00", "2", "2"), ("UTC-5", "2", "-5"), ("UTC", "2", "0")]
)
def test_a_zone_becomes_inputs(path, tz, zone, hours):
    keys = enroll(path, "ea", [], tz=tz)
    inputs = ea_inputs(keys, keys.clients["ea"], BridgeSettings())
    assert (inputs["ServerZone"], inputs["ServerOffsetHours"]) == (zone, hours)


def test_a_client_without_symbols_is_told_to_push_none_and_to_log_on_nowhere(path):
    keys = enroll(path, "ea", [])
    inputs = ea_inputs(keys, keys.clients["ea"], BridgeSettings())
    assert (inputs["PushCandles"], inputs["User"], inputs["Password"]) == ("false", "", "")
    assert "ServerZone" not in inputs


@pytest.mark.parametrize(
    ("settings", "host", "tz", "field"),
    [(PLAIN, None, None, "--host"), (PLAIN, "0.0.0.0", None, "--host"), (BridgeSettings(), None, "+05:30", "--tz"),
     (BridgeSettings(), None, "Europe/Berlin", "--tz")],
)  # fmt: skip
def test_what_no_input_can_say_is_refused(settings, host, tz, field):
    with pytest.raises(InputError, match=f"^{field} = "):
        check_inputs(settings, host, tz)


def test_the_owners_inputs_use_the_owners_key(path, tmp_path):
    write_owner_inputs(tmp_path, path, PLAIN)
    keys, (inputs, _) = load_keys(path), _read_set(tmp_path / "NatronEA.set")
    assert (inputs["ClientKey"], inputs["User"], inputs["Host"]) == (keys.client.hex(), "owner", "127.0.0.1")


def test_a_changed_file_is_taken_over_once(path):
    file = KeyFile(path)
    assert file.renewed() is None
    enroll(path, "ea-1", [])
    assert set(file.renewed().clients) == {"ea-1"}
    assert file.renewed() is None
