"""Sums of squares and products equal numpy's, and read nothing that is older."""

import numpy as np
import pytest

from feature_service.kernels.filters import simple, taps
from feature_service.kernels.moments import (
    central_moments,
    correlation,
    covariance,
    lagged_product,
    power,
    relative_variance,
)

RANDOM = np.random.default_rng(4)
COLUMN = RANDOM.normal(1.0, 0.1, 300)
OTHER = RANDOM.normal(5.0, 2.0, 300)
AT = 250


def newest(column: np.ndarray, length: int, lag: int = 0) -> np.ndarray:
    return column[AT - lag - length + 1 : AT - lag + 1]


@pytest.mark.parametrize("length", [16, 48, 96, 192])
def test_they_equal_numpy(length: int) -> None:
    x, y = newest(COLUMN, length), newest(OTHER, length)
    assert power(COLUMN, AT, length) == pytest.approx(np.sum(x**2), rel=1e-13)
    assert lagged_product(COLUMN, AT, length, 3) == pytest.approx(np.sum(x * newest(COLUMN, length, 3)), rel=1e-13)
    rest = x - x.mean()
    wanted = (x.mean(), np.mean(rest**2), np.mean(rest**3), np.mean(rest**4))
    assert central_moments(COLUMN, AT, length) == pytest.approx(wanted, rel=1e-11)
    squares = covariance(COLUMN, OTHER, AT, length)
    assert correlation(*squares) == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-11)


def test_the_relative_variance_is_that_of_prices_over_the_newest() -> None:
    x = newest(COLUMN, 20) / COLUMN[AT]
    mean, variance = relative_variance(COLUMN, AT, taps(simple(20)))
    assert mean == pytest.approx(x.mean() - 1.0, rel=1e-11)
    assert variance == pytest.approx(x.var(), rel=1e-11)


def test_what_is_older_than_the_window_does_not_matter_even_where_its_square_is_infinite() -> None:
    column = COLUMN.copy()
    column[: AT - 63] = 1e200
    assert power(column, AT, 64) == power(COLUMN, AT, 64)
    assert central_moments(column, AT, 64) == central_moments(COLUMN, AT, 64)
    assert covariance(column, OTHER, AT, 64) == covariance(COLUMN, OTHER, AT, 64)
    column[: AT - 19] = 1e200
    assert relative_variance(column, AT, taps(simple(20))) == relative_variance(COLUMN, AT, taps(simple(20)))


def test_what_stands_still_correlates_with_nothing() -> None:
    still = np.full(300, 3.3)
    assert central_moments(still, AT, 64) == (3.3, 0.0, 0.0, 0.0)
    assert correlation(*covariance(still, OTHER, AT, 64)) == 0.0
