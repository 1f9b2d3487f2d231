"""What is written is true: settings file, links, and what the README names."""

import re
from pathlib import Path

import pytest

from shared.settings.document import settings_document
from shared.settings.groups import Settings
from shared.settings.loading import load_settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
WRITTEN = [page for page in PAGES if page.parent.name != "reference"]  # by people


def test_natron_yaml_is_the_settings_as_they_are() -> None:
    assert (ROOT / "natron.yaml").read_text() == settings_document()
    assert load_settings(ROOT / "natron.yaml", {}, {}) == Settings()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path) -> None:
    from typer.main import get_command

    from natron.cli import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = set(re.findall(r"natron ([a-z][a-z0-9-]+)", page.read_text()))
    spoken = {"is", "lives", "needs"}
    assert not named - spoken - set(commands)
