"""The reference bundle at work, and feature rows to feed it."""

import pytest

from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from inference_worker.session import Session
from shared.settings.groups import Settings


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The bundle that ships with Natron."""
    return Bundle.load(bundle_folder(Settings()))


@pytest.fixture
def session(bundle: Bundle) -> Session:
    """A session of it with empty caches."""
    return Session(bundle, threads=1, max_tokens=1_024)
