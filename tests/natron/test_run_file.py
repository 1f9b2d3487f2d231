"""The run file: private, whole, and silent about a system that is gone."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from natron.environment import environment_of, find_system
from natron.run_file import RunFile, read_run_file, remove_run_file, run_file_path, write_run_file
from shared.errors import InputError
from shared.settings.groups import Settings
from shared.settings.loading import load_settings

RUN = RunFile("unix:///x", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "keys.json", "data", {"up": os.getpid()})


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_a_running_system_is_found() -> None:
    write_run_file(RUN)
    assert read_run_file() == RUN
    found = find_system(Settings())
    assert found.system.broker_url == RUN.broker_url
    assert (found.bridge.signals_bind, found.bridge.requests_bind, found.bridge.keys) == (
        RUN.signals, RUN.requests, RUN.keys,
    )  # fmt: skip
    remove_run_file()
    assert read_run_file() is None


def test_a_system_that_was_killed_is_not_found(tmp_path: Path) -> None:
    ended = replace(RUN, pids={"up": 2**22 + 1})
    write_run_file(ended)
    assert read_run_file() is None
    with pytest.raises(InputError, match="natron up"):
        find_system(Settings())


def test_a_broken_run_file_is_none() -> None:
    run_file_path().write_text("{")
    assert read_run_file() is None


def test_another_systems_run_file_is_left_alone() -> None:
    write_run_file(replace(RUN, pids={"up": os.getppid()}))
    remove_run_file()
    assert run_file_path().exists()


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "natron").mkdir()
    (tmp_path / "natron").chmod(0o777)
    with pytest.raises(InputError, match="closed to others"):
        write_run_file(RUN)


def test_a_broker_that_is_named_wins_over_the_running_system() -> None:
    write_run_file(RUN)
    settings = load_settings(None, {}, {"system.broker_url": "redis://elsewhere"})
    found = find_system(settings)
    assert found.system == settings.system
    assert found.bridge.keys == str(run_file_path().with_name("keys.json"))


def test_settings_survive_the_way_to_a_child_process() -> None:
    flags = {"worker.read_count": 7, "system.broker_url": "unix:///a b", "optimization.learning_rate": 1e-7}
    settings = load_settings(None, {}, flags)
    assert load_settings(None, environment_of(settings), {}) == settings
