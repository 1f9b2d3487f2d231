"""The page about features is the catalogue's."""

from pathlib import Path

from feature_service.feature_set import FEATURE_SET
from feature_service.reference import page, rows

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_the_page_in_the_documentation_is_generated_from_the_catalogue() -> None:
    """Renew it: natron features list --markdown > docs/features.md."""
    assert PAGE.read_text() == page()


def test_the_page_has_a_line_for_every_feature() -> None:
    for feature in FEATURE_SET.features:
        assert sum(line.startswith(f"| `{feature.name}` |") for line in page().splitlines()) == 1


def test_every_line_of_a_table_has_its_seven_cells() -> None:
    lines = [line.replace("\\|", "") for line in page().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {8}


def test_rows_are_the_entries_in_model_order() -> None:
    assert [row["name"] for row in rows()] == list(FEATURE_SET.names)
    assert set(rows()[0]) == {"name", "family", "formula", "inputs", "unit", "low", "high", "lookback", "source"}
