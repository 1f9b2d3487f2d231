"""The EA's binary, and desks it runs on."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from harness.bridge_double import BridgeDouble
from harness.build import build
from harness.desk import Desk
from harness.terminal import Terminal

MQL5 = Path(__file__).parents[2] / "mql5"


@pytest.fixture(scope="session")
def mql5() -> Path:
    """The folder of the MQL5 sources."""
    return MQL5


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Compiles an MQL5 program, with both sanitizers, once."""
    if shutil.which("g++") is None:
        pytest.skip("no g++: the MQL5 sources are compiled with it")

    @cache
    def make(program: Path) -> Path:
        output = tmp_path_factory.mktemp("mql5") / program.stem
        try:
            build(program, output)
        except subprocess.CalledProcessError as error:
            pytest.fail(error.stderr)
        return output

    return make


@pytest.fixture(scope="session")
def ea(request: pytest.FixtureRequest) -> Path:
    """The EA's binary; NATRON_EA names one that is built already (a mutant)."""
    built = os.environ.get("NATRON_EA")
    return Path(built) if built else request.getfixturevalue("compiled")(MQL5 / "Experts" / "NatronEA.mq5")


@pytest.fixture
def desks(ea: Path, tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    made: list[Desk] = []

    def make(bridge: BridgeDouble | None = None) -> Desk:
        terminal = Terminal(ea, tmp_path)
        if bridge is None:
            bridge = BridgeDouble(terminal)
        else:
            bridge.terminal = bridge.clock._terminal = terminal
        terminal.attend = bridge.attend
        made.append(Desk(terminal, bridge))
        return made[-1]

    yield make
    for desk in made:
        desk.terminal.kill()
        desk.bridge.context.destroy(0)


@pytest.fixture
def desk(desks: Callable[[], Desk]) -> Desk:
    return desks()
