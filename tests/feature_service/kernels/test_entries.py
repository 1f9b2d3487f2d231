"""Kernels on disk are renewed when any source of theirs changes."""

from pathlib import Path

import pytest

import feature_service
from feature_service.kernels.entries import compiled, source_digest

PACKAGE = Path(feature_service.__file__).parent
SOURCES = [*PACKAGE.glob("catalogue.py"), *PACKAGE.glob("indicators/*.py"), *PACKAGE.glob("kernels/*.py")]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for source in SOURCES:
        copy = tmp_path / source.relative_to(PACKAGE)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(source.read_bytes())
    return tmp_path


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_digest_follows_every_source_of_the_kernels(package: Path, source: Path) -> None:
    before = source_digest(package)
    assert before == source_digest()
    (package / source.relative_to(PACKAGE)).write_bytes(source.read_bytes() + b"\n")
    assert source_digest(package) != before


def test_numba_keys_an_entry_point_on_disk_by_the_digest() -> None:
    for first, again, other in zip(compiled("a"), compiled("a"), compiled("b"), strict=True):
        keys = [entry._cache._index_key((), entry.targetctx.codegen()) for entry in (first, again, other)]
        assert keys[0] == keys[1] != keys[2]
