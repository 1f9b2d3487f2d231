"""What is written is true: settings file, links, and what the README names."""

import re
from pathlib import Path

import pytest

from shared.settings.document import settings_document
from shared.settings.groups import Settings
from shared.settings.loading import load_settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "deploy" / "README.md", *ROOT.glob("docs/**/*.md")])
WRITTEN = [page for page in PAGES if page.parent.name != "reference"]  # by people


def test_natron_yaml_is_the_settings_as_they_are() -> None:
    assert (ROOT / "natron.yaml").read_text() == settings_document()
    assert load_settings(ROOT / "natron.yaml", {}, {}) == Settings()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]*))?\)", page.read_text()):
        target = page.parent / link if link else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"


def anchors(page: Path) -> set[str]:
    """What a link may name within a page, as forges make it of its headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    said = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", one).strip().replace(" ", "-") for one in said}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path) -> None:
    from typer.main import get_command

    from natron.cli import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = set(re.findall(r"(?<!-n )natron ([a-z][a-z0-9-]+)", page.read_text()))
    spoken = {"is", "lives", "needs"}
    assert not named - spoken - set(commands)
