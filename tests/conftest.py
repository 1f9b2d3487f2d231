"""Fixtures of all tests: a real broker, and real market data where there is some."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from shared.testing import BrokerUnderTest, broker_under_test

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


settings.register_profile("natron", deadline=None)  # no test is timed: machines are shared
settings.load_profile("natron")


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """A service or command run inside the tests' process leaves neither its log nor its signal handlers behind."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _server() -> Iterator[BrokerUnderTest]:
    with broker_under_test() as broker:
        yield broker


@pytest.fixture
def broker(_server: BrokerUnderTest) -> BrokerUnderTest:
    """A real, empty broker."""
    _server.client.flushall()
    return _server


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Folder of real market data; tests that need it are skipped where it is absent."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("NATRON_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip("no market data: set NATRON_TEST_DATA to its folder")
    return folder
