"""The reference bundle at work, and feature rows to feed it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from inference_worker.session import Session
from inference_worker.testing import write_variant
from shared.settings.groups import Settings


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The bundle that ships with Natron."""
    return Bundle.load(bundle_folder(Settings()))


@pytest.fixture
def session(bundle: Bundle) -> Session:
    """A session of it with empty caches."""
    return Session(bundle, threads=1, max_tokens=1_024)


@pytest.fixture
def variant(tmp_path: Path, bundle: Bundle) -> Callable[..., Path]:
    """To write the reference bundle under another ID, with changes that ``write_variant`` knows."""

    def write(bundle_id: str, **changes: object) -> Path:
        folder = tmp_path / bundle_id
        if not folder.exists():
            write_variant(bundle, bundle_id, folder, **changes)
        return folder

    return write
