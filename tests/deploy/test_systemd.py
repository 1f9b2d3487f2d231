"""The units name commands, users and settings that exist, and keep secrets out of the environment."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from natron.cli import app
from shared.acl import DOOR_KEYS, rights
from shared.names import Names
from shared.settings.loading import load_settings

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_that_exists_with_settings_that_exist(unit: Path) -> None:
    (command,) = values(unit, "ExecStart")
    program, *words = command.split()
    assert Path(program).is_absolute()
    if program.endswith("/natron"):
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    pairs = [pair for line in values(unit, "Environment") for pair in line.split()]
    environ = dict(pair.split("=", 1) for pair in pairs if pair.startswith("NATRON_"))
    settings = load_settings(None, environ, {})
    for credential in values(unit, "LoadCredential"):
        name, file = credential.split(":")
        assert Path(file).name in {*rights(Names()), *DOOR_KEYS, "users.acl"}
        assert any(f"%d/{name}" in line for line in [command, *pairs])
    if user := re.findall(r"redis://(\w+)@", settings.system.broker_url):
        assert any(line.endswith(f"/{user[0]}") for line in values(unit, "LoadCredential"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_is_locked_down_restarts_and_has_a_limit(unit: Path) -> None:
    for key, value in {
        "User": "natron", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "CapabilityBoundingSet": "",
        "Restart": "always",
    }.items():  # fmt: skip
        assert values(unit, key) == [value], key
    assert values(unit, "MemoryMax")


def test_the_target_wants_units_that_exist() -> None:
    (wanted,) = values(FOLDER / "natron.target", "Wants")
    for name in wanted.split():
        assert (FOLDER / re.sub(r"@\d+", "@", name)).exists()


def test_systemd_itself_understands_them(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    for unit in FOLDER.iterdir():  # programs that are not installed here are no fault of a unit
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    named = [str(tmp_path / unit.name.replace("@.", "@1.")) for unit in UNITS]
    (tmp_path / "natron-worker@1.service").write_text((tmp_path / "natron-worker@.service").read_text())
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", *named], capture_output=True, text=True, check=False
    )
    assert not [line for line in done.stderr.splitlines() if "natron" in line], done.stderr
