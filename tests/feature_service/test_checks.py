"""The checks find nothing in the features, and find each fault that is put into them."""

from collections.abc import Callable

import numpy as np
import pytest

from feature_service import checks
from feature_service.checks import CANDLES_MIN, STARTUPS, check_features
from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import Candles
from shared.errors import InputError

Walk = Callable[..., Candles]
Maker = Callable[[Candles], np.ndarray]


def spoiled(column: int, maker: Maker) -> Maker:
    """Features of which one is made otherwise."""

    def compute(candles: Candles) -> np.ndarray:
        values = compute_values(candles)
        values[:, column] = maker(candles)
        return values

    return compute


def looking_ahead(candles: Candles) -> np.ndarray:
    return np.append(candles["c"][1:], 0.0) / candles["c"]


def without_end(candles: Candles) -> np.ndarray:
    return np.cumsum(candles["c"]) / candles["c"]


def copied(candles: Candles) -> np.ndarray:
    return 3.0 * compute_values(candles)[:, 20] + 1.0


def test_every_feature_is_sound_on_a_random_walk(walk: Walk) -> None:
    found = check_features(walk(4_000))
    assert [one.name for one in found] == list(FEATURE_SET.names)
    assert all(one.sound and not one.redundant for one in found)
    assert all(one.recursive[-1] == 0.0 for one in found)


@pytest.mark.parametrize("maker", [looking_ahead, without_end])
def test_a_feature_that_looks_ahead_or_never_forgets_is_biased(
    walk: Walk, monkeypatch: pytest.MonkeyPatch, maker: Maker
) -> None:
    monkeypatch.setattr(checks, "compute_values", spoiled(7, maker))
    found = check_features(walk(3_000))
    assert [at for at, one in enumerate(found) if not one.sound] == [7]
    assert (found[7].lookahead > 0) == (maker is looking_ahead)
    assert found[7].recursive[-1] > 0.0  # the one knows no candle after the last, the other not the first


def test_an_affine_image_of_another_is_redundant(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "compute_values", spoiled(7, copied))
    found = check_features(walk(3_000))
    assert [at for at, one in enumerate(found) if one.redundant] == [7, 20]


def test_what_stands_still_on_these_candles_has_no_share_to_explain(walk: Walk) -> None:
    candles = walk(3_000)
    candles["v"] = 0.0
    unknown = {one.name for one in check_features(candles) if one.r2 is None}
    assert {feature.name for feature in FEATURE_SET.features if feature.family == "volume"} <= unknown
    assert "rsi_14" not in unknown


def test_too_few_candles_are_refused_with_the_number_that_is_needed(walk: Walk) -> None:
    with pytest.raises(InputError, match=f"must be at least {CANDLES_MIN}"):
        check_features(walk(CANDLES_MIN - 1))


def test_the_last_startup_is_that_of_the_whole_set() -> None:
    assert STARTUPS[-1] == FEATURE_SET.lookback
