"""``natron mql5 export``: every source, as it is, and nothing of the trader's lost."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from natron.cli import app
from shared.errors import InputError

SOURCES = Path(__file__).parents[3] / "mql5"


def export(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["mql5", "export", *map(str, arguments)])


def test_every_source_and_nothing_else_is_written_where_the_terminal_looks(tmp_path: Path) -> None:
    done = export(tmp_path)
    wanted = {path.relative_to(SOURCES) for path in SOURCES.rglob("*.mq[5h]")}
    written = {path.relative_to(tmp_path / "MQL5") for path in (tmp_path / "MQL5").rglob("*") if path.is_file()}
    assert written == wanted
    assert {path.parts[0] for path in written} == {"Experts", "Include", "Indicators", "Scripts"}
    assert all((tmp_path / "MQL5" / path).read_bytes() == (SOURCES / path).read_bytes() for path in wanted)
    assert f"{len(wanted)} files" in done.output


def test_the_folder_may_be_mql5_itself(tmp_path: Path) -> None:
    export(tmp_path / "MQL5")
    assert (tmp_path / "MQL5" / "Experts" / "NatronEA.mq5").exists()


def test_what_a_trader_changed_is_replaced_on_demand_alone(tmp_path: Path) -> None:
    export(tmp_path)
    changed = tmp_path / "MQL5" / "Experts" / "NatronEA.mq5"
    changed.write_text("mine")
    refused = export(tmp_path)
    assert isinstance(refused.exception, InputError)
    assert "Experts/NatronEA.mq5" in str(refused.exception)
    assert changed.read_text() == "mine"
    assert export(tmp_path, "--force").exit_code == 0
    assert changed.read_bytes() == (SOURCES / "Experts" / "NatronEA.mq5").read_bytes()
    assert export(tmp_path).exit_code == 0  # nothing differs any more


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = export(tmp_path / "file")
    assert isinstance(refused.exception, InputError)


@pytest.mark.parametrize("name", ["Experts/NatronEA.mq5", "Indicators/NatronView.mq5", "Scripts/NatronSelfTest.mq5"])
def test_includes_are_among_what_is_written(tmp_path: Path, name: str) -> None:
    export(tmp_path)
    text = (tmp_path / "MQL5" / name).read_text()
    included = [line.split("<")[1].rstrip(">") for line in text.splitlines() if line.startswith("#include <Natron")]
    assert included
    assert all((tmp_path / "MQL5" / "Include" / one.replace("\\", "/")).exists() for one in included)
