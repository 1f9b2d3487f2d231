"""A gateway of the reference bundle."""

from collections.abc import Callable, Iterator

import pytest

from gateway.service import build
from gateway.testing import GatewayUnderTest
from shared.clock import SystemClock
from shared.settings.loading import load_settings


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[..., GatewayUnderTest]]:
    """Start a gateway with these settings."""
    running: list[GatewayUnderTest] = []

    def begin(**flags: str) -> GatewayUnderTest:
        settings = load_settings(None, {}, {f"gateway.{name}": value for name, value in flags.items()})
        running.append(GatewayUnderTest(build(settings, SystemClock())))
        return running[-1]

    yield begin
    for gateway in running:
        gateway.stop()


@pytest.fixture(scope="session")
def gateway(start: Callable[..., GatewayUnderTest]) -> GatewayUnderTest:
    """One for all tests that change nothing."""
    return start()
