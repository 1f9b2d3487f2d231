"""Every entry is well-formed, moves, and says what no other entry says."""

from collections.abc import Callable
from itertools import groupby

import numpy as np
import pytest

from feature_service.catalogue import CATALOGUE
from feature_service.feature import Feature
from feature_service.kernels.columns import REACH
from feature_service.pipeline import compute_values
from shared.contracts import Candles

INPUTS = {"open", "high", "low", "close", "volume", "time"}
R2_MAX = 0.9999


def explained(values: np.ndarray) -> np.ndarray:
    """R^2 (F,) of each column on all others: 1 - 1 / its variance inflation."""
    return 1.0 - 1.0 / np.diag(np.linalg.inv(np.corrcoef(values.T)))


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
def test_an_entry_is_complete(feature: Feature) -> None:
    assert feature.name.isidentifier()
    assert feature.name.islower()
    assert all((feature.formula, feature.unit, feature.source, feature.inputs))
    assert set(feature.inputs) <= INPUTS
    assert 1 <= feature.lookback <= REACH
    assert feature.low < feature.high
    # A row's float32 is within the bounds only if they are float32 themselves.
    assert (float(np.float32(feature.low)), float(np.float32(feature.high))) == (feature.low, feature.high)


def test_names_are_unique_and_families_stand_together() -> None:
    assert len({feature.name for feature in CATALOGUE}) == len(CATALOGUE)
    families = [feature.family for feature in CATALOGUE]
    assert len([family for family, _ in groupby(families)]) == len(set(families))


def test_families_have_their_fixed_counts() -> None:
    fixed = {
        "moving_average": 13,
        "momentum": 13,
        "volatility": 15,
        "volume": 9,
        "price_pattern": 8,
        "returns": 8,
        "trend_strength": 6,
        "statistical": 6,
        "support_resistance": 4,
        "smart_money": 6,
        "market_profile": 10,
    }
    assert {family: len(list(members)) for family, members in groupby(f.family for f in CATALOGUE)} == fixed
    assert sum(fixed.values()) == 98


def within(feature: Feature, column: np.ndarray) -> bool:
    """Inside the bounds; a share of something reaches them by itself, and what is never negative its 0."""
    if feature.unit in {"percent", "share", "circle"}:
        return True
    return (feature.low == 0.0 or feature.low < column.min()) and column.max() < feature.high


def check(candles: Candles) -> None:
    values = compute_values(candles)[1_000:]
    names = [feature.name for feature in CATALOGUE]
    assert values.std(axis=0).min() > 0.0
    assert min(len(np.unique(column)) for column in values.T) > 50
    r2 = explained(values)
    assert r2.max() < R2_MAX, (names[r2.argmax()], r2.max())
    for feature, column in zip(CATALOGUE, values.T, strict=True):
        assert within(feature, column), feature.name


def test_none_is_constant_and_none_is_told_by_the_others_on_a_random_walk(
    walk: Callable[..., Candles],
) -> None:
    check(walk(20_000))


def test_none_is_constant_and_none_is_told_by_the_others_on_real_markets(
    real_candles: dict[str, Candles],
) -> None:
    for candles in real_candles.values():
        check(candles)
