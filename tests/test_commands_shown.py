"""What README and docs tell people to type works: quickstarts are run, every other command is one that is taken."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
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


@pytest.mark.parametrize(("page", "line"), shown())
def test_a_command_that_is_shown_is_one_that_is_taken(page: str, line: str) -> None:
    words = [word for word in shlex.split(re.sub(r"\[[^\]]*\]|\.\.\.", "", line))[1:] if word != ">"]
    command, context = get_command(app), click.Context(click.Command("natron"))
    while hasattr(command, "commands"):
        assert words, line
        name = words.pop(0)
        assert name in command.commands, f"{page}: {line}"
        command = command.commands[name]
    parser = command.make_parser(context)
    parser.parse_args(args=words)  # refuses an option that there is none of


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
        terminal.run(block)
