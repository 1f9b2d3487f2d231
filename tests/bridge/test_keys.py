"""The key file: made once, closed to others, never shown."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.keys import load_keys, load_or_create_keys
from shared.errors import InputError


def test_keys_are_made_once_and_closed_to_others(tmp_path):
    path = tmp_path / "data" / "keys.json"
    made = load_or_create_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_keys(path) == load_keys(path) == made
    assert set(json.loads(path.read_text())) == {"bridge", "client"}
    assert made.bridge != made.client
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_processes_that_start_together_agree(tmp_path):
    path = tmp_path / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        assert len({keys.bridge for keys in pool.map(lambda _: load_or_create_keys(path), range(32))}) == 1


def test_keys_do_not_show(tmp_path):
    keys = load_or_create_keys(tmp_path / "keys.json")
    assert keys.bridge.hex() not in repr(keys)
    assert repr(keys) == "Keys()"


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_keys(tmp_path / "keys.json")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"bridge": 1, "client": 2}', '{"bridge": "00", "client": "00"}', "é", '{"bridge": "'
             + "00" * 32 + '", "client": "00"}']
)  # fmt: skip
def test_a_file_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InputError, match="remove it to have new ones made"):
        load_keys(path)


def test_keys_that_others_can_read_are_refused(tmp_path):
    path = tmp_path / "keys.json"
    load_or_create_keys(path)
    path.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        load_or_create_keys(path)
