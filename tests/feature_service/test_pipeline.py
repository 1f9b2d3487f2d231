"""The laws that every feature of the catalogue keeps, on whole histories."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history, compute_values, warm
from shared.contracts import CANDLE_DTYPE, Candles
from shared.errors import InputError

Walk = Callable[..., Candles]
COUNT = 1_400
EVERY_FEATURE = pytest.mark.parametrize("place", range(FEATURE_SET.size), ids=FEATURE_SET.names)


def scaled(candles: Candles, prices: float = 1.0, volumes: float = 1.0) -> Candles:
    copy = candles.copy()
    for name in "ohlc":
        copy[name] *= prices
    copy["v"] *= volumes
    return copy


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


def test_rows_are_float32_one_a_candle_in_model_order(walk: Walk) -> None:
    rows = compute_history(walk(30))
    assert rows.dtype == np.float32
    assert rows.shape == (30, FEATURE_SET.size)


def test_no_candles_make_no_rows() -> None:
    assert compute_history(np.zeros(0, CANDLE_DTYPE)).shape == (0, FEATURE_SET.size)


def test_rows_are_the_values_cast_to_float32(walk: Walk) -> None:
    candles = walk(COUNT)
    assert same_bits(compute_history(candles), compute_values(candles).astype(np.float32))


@pytest.mark.parametrize("newest", [0, 1, 96, 700, 701])
def test_rows_of_the_newest_candles_alone_are_the_last_of_all(walk: Walk, newest: int) -> None:
    candles = walk(700)
    assert same_bits(compute_history(candles, newest), compute_history(candles)[max(0, 700 - newest) :])


def test_what_is_no_array_of_candles_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"candles = .*CANDLE_DTYPE"):
        compute_history(np.zeros(3))


def test_warming_leaves_nothing_behind(walk: Walk) -> None:
    before = compute_history(walk(40))
    warm()
    assert same_bits(compute_history(walk(40)), before)


@settings(max_examples=25)
@given(cut=st.integers(1, COUNT - 1), seed=st.integers(0, 9))
def test_changing_or_cutting_the_future_changes_no_row_before_it(walk: Walk, cut: int, seed: int) -> None:
    candles = walk(COUNT, seed)
    rows = compute_history(candles)
    assert same_bits(compute_history(candles[:cut]), rows[:cut])
    other = candles.copy()
    other[cut:] = walk(COUNT, seed + 100, price=7.0)[cut:]
    assert same_bits(compute_history(other)[:cut], rows[:cut])


@settings(max_examples=25)
@given(at=st.integers(FEATURE_SET.lookback - 1, COUNT - 1), seed=st.integers(0, 9))
def test_what_came_before_the_lookback_changes_no_bit(walk: Walk, at: int, seed: int) -> None:
    candles = walk(COUNT, seed)
    row = compute_history(candles)[at]
    start = at - FEATURE_SET.lookback + 1
    assert same_bits(compute_history(candles[start:])[at - start], row)
    other = candles.copy()
    other[:start] = walk(COUNT, seed + 100, price=7.0)[:start]
    assert same_bits(compute_history(other)[at], row)


def altered(candles: Candles, place: int, factor: float) -> Candles:
    """The candles with one of them at another price, volume and time."""
    copy = candles.copy()
    copy[place : place + 1] = scaled(copy[place : place + 1], factor, 7.0)
    copy["v"][place] += 5.0
    copy["t"][place] += 5 * 3_600_000
    return copy


def moved_by(candles: Candles, lag: int) -> np.ndarray:
    """Which features (F,) of the newest row change when the candle ``lag`` before it does."""
    values = compute_values(candles)[-1]
    place = len(candles) - 1 - lag
    others = [compute_values(altered(candles, place, factor))[-1] for factor in (0.5, 0.999, 1.001, 2.0)]
    return np.any([other != values for other in others], axis=0)


def windows(candles: Candles, lookback: int) -> list[Candles]:
    """Stretches one longer than a lookback, so that one candle lies before it."""
    ends = np.random.default_rng(lookback).integers(lookback + 1, len(candles), 25)
    return [candles[end - lookback - 1 : end] for end in ends]


@pytest.fixture(scope="session")
def stretches(walk: Walk, nasty: dict[str, Candles], rare_breaks: list[Candles]) -> Callable[[int], list[Candles]]:
    def find(lookback: int) -> list[Candles]:
        found = windows(walk(6_000), lookback) + windows(nasty["only up"], lookback)
        return found + [candles[-lookback - 1 :] for candles in rare_breaks if len(candles) > lookback]

    return find


@pytest.mark.parametrize("lookback", sorted({feature.lookback for feature in FEATURE_SET.features}))
def test_a_lookback_ends_with_the_oldest_candle_that_moves_its_feature(
    stretches: Callable[[int], list[Candles]], lookback: int
) -> None:
    ours = [at for at, feature in enumerate(FEATURE_SET.features) if feature.lookback == lookback]
    tight = np.zeros(FEATURE_SET.size, np.bool_)
    for candles in stretches(lookback):
        tight |= moved_by(candles, lookback - 1)
        assert not np.any(moved_by(candles, lookback)[ours])
    assert not [FEATURE_SET.names[at] for at in ours if not tight[at]]


@settings(max_examples=20)
@given(price_power=st.integers(-30, 30), volume_power=st.integers(-30, 30))
def test_powers_of_two_in_prices_and_volumes_change_no_bit(
    nasty: dict[str, Candles], walk: Walk, price_power: int, volume_power: int
) -> None:
    for candles in (walk(COUNT), nasty["sleepy"], nasty["spikes"], nasty["gaps of 20 %"]):
        other = scaled(candles, 2.0**price_power, 2.0**volume_power)
        assert same_bits(compute_values(other), compute_values(candles))


@settings(max_examples=20)
@given(prices=st.floats(1e-7, 1e7), volumes=st.floats(1e-7, 1e7))
def test_other_scales_change_values_by_rounding_only(
    nasty: dict[str, Candles], walk: Walk, prices: float, volumes: float
) -> None:
    for name, candles in {
        "walk": walk(COUNT),
        **{n: nasty[n] for n in ("sleepy", "a lull of 800 candles")},
    }.items():
        values = compute_values(candles)
        other = compute_values(scaled(candles, prices, volumes))
        scale = np.maximum(np.abs(values), values.std(axis=0))  # near 0 a value is as exact as its usual size
        worst = np.max(np.abs(other - values) - 1e-9 * scale, axis=0)
        assert np.all(worst <= 0.0), (name, FEATURE_SET.names[worst.argmax()], worst.max())


@EVERY_FEATURE
def test_values_are_finite_and_within_their_bounds_on_nasty_candles(nasty: dict[str, Candles], place: int) -> None:
    feature = FEATURE_SET.features[place]
    for name, candles in nasty.items():
        for column in (compute_values(candles)[:, place], compute_history(candles)[:, place]):
            assert np.all(np.isfinite(column)), name
            assert feature.low <= column.min() <= column.max() <= feature.high, name


@pytest.mark.parametrize(
    "place",
    [at for at, feature in enumerate(FEATURE_SET.features) if feature.inputs != ("time",)],
    ids=[feature.name for feature in FEATURE_SET.features if feature.inputs != ("time",)],
)
def test_a_market_that_stands_still_has_one_value_from_its_first_candle_on(
    nasty: dict[str, Candles], place: int
) -> None:
    seen = {float(nasty[f"flat at {price:g}"]["c"][0]): price for price in (1e-300, 1e-8, 1.1, 1e8, 1e300)}
    found = {value for price in seen for value in compute_values(nasty[f"flat at {price:g}"])[:, place]}
    assert len(found) == 1
