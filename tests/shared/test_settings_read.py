"""No settings key is dead: each is read somewhere outside of the settings themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings.loading import leaves

ROOT = Path(__file__).parents[2]
PACKAGES = [path.parent for path in ROOT.glob("*/__init__.py")]


def attributes() -> Iterator[str]:
    """Every attribute that code reads, and every key that it names as text."""
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            within = path.parent.name == "settings"
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    own = within and isinstance(node.value, ast.Name) and node.value.id == "self"
                    if not within or own:
                        yield node.attr


READ = frozenset(attributes())
WHOLE = {("training", "supervised", "weights")}  # read by the names of the heads


@pytest.mark.parametrize("path", sorted(leaves()), ids=".".join)
def test_a_key_is_read_where_it_matters(path: tuple[str, ...]) -> None:
    assert path[0] in READ
    assert path[-1] in READ or path[:-1] in WHOLE
    assert set(path[:-1]) <= READ
