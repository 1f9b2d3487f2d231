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
