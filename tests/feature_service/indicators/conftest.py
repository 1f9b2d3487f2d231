"""How a feature is held against the indicator it is named after."""

from collections.abc import Callable

import numpy as np
import pytest

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]
WARMED_UP = 3_000


@pytest.fixture(scope="session")
def check_agreement() -> Callable[[str, Reference, Candles], None]:
    """Checker: ``check_agreement(name, reference, candles)`` fails beyond 1e-6 of a unit, or of the value."""

    def check(name: str, reference: Reference, candles: Candles) -> None:
        ours = compute_values(candles)[WARMED_UP:, FEATURE_SET.names.index(name)]
        theirs = reference(candles)[WARMED_UP:]
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * theirs.std())

    return check


def in_points(candles: Candles) -> Candles:
    """The same candles with prices counted in whole points, so that sums of prices that are equal stay equal."""
    point = next(
        power for power in range(9) if np.all(np.abs(np.round(part := candles["c"] * 10.0**power) - part) < 1e-4)
    )
    counted = candles.copy()
    for name in "ohlc":
        counted[name] = np.round(candles[name] * 10.0**point)
    return counted


@pytest.fixture(scope="session")
def counted_walk(walk: Callable[..., Candles]) -> Candles:
    """A random walk in whole points."""
    candles = walk(6_000)
    for name in "ohlc":
        candles[name] = np.round(candles[name], 5)
    return in_points(candles)


@pytest.fixture(scope="session")
def counted_markets(real_candles: dict[str, Candles]) -> list[Candles]:
    """Real markets in whole points."""
    return [in_points(candles) for candles in real_candles.values()]


@pytest.fixture(scope="session")
def check_family(
    check_agreement: Callable[[str, Reference, Candles], None],
) -> Callable[[dict[str, Reference], str, Candles], None]:
    """Checker: every feature of the family has a reference and agrees with it."""

    def check(references: dict[str, Reference], family: str, candles: Candles) -> None:
        members = [feature.name for feature in FEATURE_SET.features if feature.family == family]
        assert list(references) == members
        for name in members:
            check_agreement(name, references[name], candles)

    return check
