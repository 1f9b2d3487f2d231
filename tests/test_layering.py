"""The map of docs/architecture.md holds: imports go down only, and torch is the trainer's alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    {"natron"},
    {"archive"},
    {"trainer", "gateway", "bridge"},
    {"producer", "feature_service", "inference_worker"},
    {"shared"},
]
PACKAGES = sorted(name for layer in LAYERS for name in layer if (ROOT / name / "__init__.py").exists())
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}


def imports(package: str) -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                yield path, node.module


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_down_only(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, name in imports(package)
        if (top := name.partition(".")[0]) in LEVEL and top != package and LEVEL[top] <= LEVEL[package]
    ]
    assert not wrong


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "trainer"])
def test_torch_is_imported_by_the_trainer_alone(package: str) -> None:
    assert not [str(path) for path, name in imports(package) if name.partition(".")[0] in {"torch", "onnx"}]


def test_labels_are_made_without_torch() -> None:
    assert not [path for path, name in imports("trainer") if "labels" in path.parts and name.startswith("torch")]


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert not [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.stem in drawers]
