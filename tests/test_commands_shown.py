"""What README and docs tell people to type works: quickstarts are run, every other command is one that is taken."""

import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from typer.main import get_command

from natron.cli import app
from natron.reference import pages
from shared.addresses import free_port
from shared.testing import await_true

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "deploy" / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
PAGES = [page for page in PAGES if page.parent.name not in {"decisions", "reference"}]
QUICKSTARTS = ("trader", "engineer", "operator")


def shown() -> list[tuple[str, str]]:
    """(page, command line) of each ``natron`` that stands in a block of its own."""
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        for line in text.splitlines():
            command = re.sub(r"\s+#.*", "", line.strip().removeprefix(".venv/bin/"))
            block = line.startswith("    ") or page.parent.name == "quickstart"
            if block and command.startswith("natron ") and "|" not in command:
                found.append((str(page.relative_to(ROOT)), command))
    return found


def command_of(page: str, line: str) -> tuple[Any, list[str]]:
    """The command that a line names, and what follows its name."""
    words = [word for word in shlex.split(re.sub(r"\[[^\]]*\]|\.\.\.", "", line))[1:] if word != ">"]
    command: Any = get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0)
        assert name in command.commands, f"{page}: {line}"
        command = command.commands[name]
    assert not hasattr(command, "commands") or command.invoke_without_command, f"{page}: {line}"
    return command, words


@pytest.mark.parametrize(("page", "line"), shown())
def test_a_command_that_is_shown_is_one_that_is_taken(page: str, line: str) -> None:
    command, words = command_of(page, line)
    parser = command.make_parser(click.Context(click.Command("natron")))
    parser.parse_args(args=words)  # refuses an option that there is none of


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_within_a_sentence_is_there_with_its_options(page: Path) -> None:
    text = re.sub(r"\n(?! *\n)", " ", page.read_text())
    for line in re.findall(r"(?<!`)`(natron [^`|]*)`(?!`)", text):
        command, words = command_of(page.name, line)
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_made_composed_and_asked_over_http_is_there(page: Path) -> None:
    text = page.read_text()
    targets = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())  # type: ignore[index]
    made = re.findall(r"(?:^    |`)make ([a-z ]+?)(?: *#.*| *[A-Z]+=\S*)?(?:`|$)", text, re.MULTILINE)
    assert {target for line in made for target in line.split()} <= targets
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    profiles = {profile for one in compose.values() for profile in one.get("profiles", [])}
    assert set(re.findall(r"--profile (\w+)", text)) <= profiles
    routes = (ROOT / "docs" / "reference" / "http.md").read_text()
    for path in re.findall(r"http://127\.0\.0\.1:5000(/\w[\w/-]*)", text):
        assert f" {path.split('/MINE')[0]}" in routes, path


def test_every_extra_that_is_named_is_one_that_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for page in [*PAGES, ROOT / "Makefile", ROOT / "deploy" / "Dockerfile"]:
        for named in re.findall(r"natron(?:-[\d.]+-py3-none-any\.whl)?\[([\w,]+)\]", page.read_text()):
            assert set(named.split(",")) <= extras.keys(), f"{page.name}: {named}"


def test_the_reference_is_what_the_code_says() -> None:
    for name, page in pages().items():
        assert (ROOT / "docs" / "reference" / name).read_text() == page(), "run make reference"


@dataclass(frozen=True)
class Terminal:
    """Where commands are typed, beside a running system."""

    folder: Path
    environ: dict[str, str]

    def run(self, script: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("terminal")
    shim = folder / "bin" / "natron"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m natron "$@"\n')
    shim.chmod(0o755)
    (folder / "runtime").mkdir(mode=0o700)
    environ = {
        **os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}", "XDG_RUNTIME_DIR": str(folder / "runtime"),
        "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(folder),
        "NATRON_GATEWAY_PORT": str(free_port()),
        **{f"NATRON_BRIDGE_{door}_BIND": f"tcp://127.0.0.1:{free_port()}" for door in ("SIGNALS", "REQUESTS")},
    }  # fmt: skip
    with (folder / "log").open("w") as log:
        up = subprocess.Popen([shim, "up", "--workers", "1"], cwd=folder, env=environ, stdout=log, stderr=log)
        try:
            await_true(lambda: "natron is up" in (folder / "log").read_text(), "a system that is up")
            await_true(lambda: "partitions_assigned" in (folder / "log").read_text(), "services at work")
            yield Terminal(folder, environ)
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(60)


@pytest.mark.parametrize("name", QUICKSTARTS)
def test_a_quickstart_works_to_the_letter(name: str, terminal: Terminal) -> None:
    text = (ROOT / "docs" / "quickstart" / f"{name}.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        terminal.run(block.replace("127.0.0.1:5000", f"127.0.0.1:{terminal.environ['NATRON_GATEWAY_PORT']}"))
