"""The clock is the calendar's, and the profile that of a histogram made the long way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import talib

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]
CheckFamily = Callable[[dict[str, Reference], str, Candles], None]
BINS = 24
CLOCK = ("day_sine", "day_cosine", "week_sine", "week_cosine")


def atr(x: Candles) -> np.ndarray:
    return talib.ATR(x["h"], x["l"], x["c"], 14)


def value_area(bins: np.ndarray, fullest: int) -> tuple[int, int]:
    bottom = top = fullest
    while bins[bottom : top + 1].sum() < 0.7 * bins.sum() * (1.0 - 1e-9):
        under = bins[bottom - 1] if bottom else -1.0
        over = bins[top + 1] if top < BINS - 1 else -1.0
        if over > under * (1.0 - 1e-9):
            top += 1
        else:
            bottom -= 1
    return bottom, top


def profile(x: Candles, at: int) -> tuple[float, ...]:
    """The six values of one candle; distances in price."""
    part = x[at - 63 : at + 1]
    low, high = part["l"].min(), part["h"].max()
    place = ((part["h"] + part["l"] + part["c"]) / 3.0 - low) / (high - low) * BINS
    volume = part["v"] if part["v"].any() else np.ones(64)
    middles = np.arange(BINS) + 0.5
    bins = np.array([np.sum(volume * weight(place, middle)) for middle in middles])
    fullest = int(np.flatnonzero(bins >= bins.max() * (1.0 - 1e-9))[0])
    bottom, top = value_area(bins, fullest)
    width, close = (high - low) / BINS, x["c"][at] - low
    return (
        close - (fullest + 0.5) * width,
        (top + 1) * width - close,
        close - bottom * width,
        2.0 * np.average(place, weights=volume) / BINS - 1.0,
        np.sum((bins / volume.sum()) ** 2),
        np.sum(bins * [weight(np.array([close / width]), middle)[0] for middle in middles]) / bins[fullest],
    )


def weight(place: np.ndarray, middle: float) -> np.ndarray:
    """Share of a price that belongs to the bin with this middle; beyond the outer middles it is all theirs."""
    return np.maximum(1.0 - np.abs(np.clip(place, 0.5, BINS - 0.5) - middle), 0.0)


def of_profile(column: int) -> Reference:
    def reference(x: Candles) -> np.ndarray:
        values = np.full(len(x), np.nan)
        for at in range(len(x) - 300, len(x)):
            values[at] = profile(x, at)[column]
        return values / atr(x) if column < 3 else values

    return reference


PROFILE: dict[str, Reference] = {
    name: of_profile(column)
    for column, name in enumerate(
        (
            "point_of_control_distance",
            "value_area_high_distance",
            "value_area_low_distance",
            "profile_skew",
            "profile_concentration",
            "volume_at_close",
        )
    )
}


def agree(candles: Candles) -> None:
    ours = compute_values(candles)[-300:]
    for name, reference in PROFILE.items():
        theirs = reference(candles)[-300:]
        np.testing.assert_allclose(ours[:, FEATURE_SET.names.index(name)], theirs, rtol=1e-6, atol=1e-8, err_msg=name)


def test_every_feature_of_the_family_has_a_reference() -> None:
    members = [feature.name for feature in FEATURE_SET.features if feature.family == "market_profile"]
    assert members == [*CLOCK, *PROFILE]


def test_the_profile_agrees_with_a_histogram(counted_walk: Candles) -> None:
    agree(counted_walk)


def test_the_profile_agrees_with_a_histogram_on_real_markets(counted_markets: list[Candles]) -> None:
    for candles in counted_markets:
        agree(candles[-2_000:])


def test_without_volume_every_candle_counts_once(counted_walk: Candles) -> None:
    candles = counted_walk[:1_000].copy()
    candles["v"] = 0.0
    agree(candles)


@pytest.mark.parametrize("year", [1971, 2024, 2100])
def test_the_clock_is_that_of_the_calendar_in_utc(walk: Callable[..., Candles], year: int) -> None:
    candles = walk(700)
    start = datetime(year, 2, 26, 22, 15, tzinfo=UTC)
    times = [start + timedelta(minutes=15 * at) for at in range(len(candles))]
    candles["t"] = [round(time.timestamp() * 1_000) for time in times]
    day = np.array([(time.hour * 60 + time.minute) / 1_440 for time in times])
    week = (np.array([time.weekday() for time in times]) + day) / 7.0
    wanted = [function(2.0 * np.pi * turn) for turn in (day, week) for function in (np.sin, np.cos)]
    values = compute_values(candles)
    ours = values[:, [FEATURE_SET.names.index(name) for name in CLOCK]]
    np.testing.assert_allclose(ours, np.transpose(wanted), atol=1e-12)


def test_the_clock_alone_looks_at_the_time(walk: Callable[..., Candles]) -> None:
    candles = walk(700)
    later = candles.copy()
    later["t"] += 5 * 3_600_000
    changed = np.any(compute_values(later) != compute_values(candles), axis=0)
    assert [name for name, one in zip(FEATURE_SET.names, changed, strict=True) if one] == list(CLOCK)
