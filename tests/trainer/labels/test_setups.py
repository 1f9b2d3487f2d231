"""A setup is never on both sides at once, and its cut-offs adapt until setups are events."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from trainer.labels.setups import (
    CONDITIONS,
    SHARE_MAX,
    SHARE_MIN,
    UPPER_PART,
    VOLUME_SPIKE,
    SetupCutoff,
    SetupInputs,
    fit_setups,
)

COUNTS = npst.arrays(np.int64, 60, elements=st.integers(0, CONDITIONS))


def _inputs(bullish: np.ndarray, bearish: np.ndarray, volume: float = 0.0, place: float = 0.5) -> SetupInputs:
    count = len(bullish)
    return SetupInputs(bullish, bearish, np.full(count, volume), np.full(count, place), np.ones(count, np.bool_))


@given(COUNTS, COUNTS, st.integers(1, CONDITIONS))
def test_a_candle_never_shows_both_setups(bullish: np.ndarray, bearish: np.ndarray, conditions: int) -> None:
    cutoff = SetupCutoff(conditions)
    assert not (cutoff.buy(bullish, bearish) & cutoff.buy(bearish, bullish)).any()


def test_volume_and_a_high_close_count_on_the_bullish_side_a_loud_low_one_on_the_bearish() -> None:
    none = np.zeros(1, np.int64)
    for volume, place, expected in (
        (1.5, 0.5, (0, 0)),
        (1.51, 0.5, (1, 0)),
        (1.0, UPPER_PART, (1, 0)),
        (2.0, 0.9, (2, 0)),
        (2.0, 0.3, (1, 1)),
        (1.0, 0.1, (0, 0)),
    ):
        bullish, bearish = SetupCutoff(2).count(_inputs(none, none, volume, place))
        assert (bullish[0], bearish[0]) == expected


def test_the_textbooks_cut_offs_and_the_least_conditions_are_kept_where_setups_are_rare_enough() -> None:
    bullish, bearish = np.array([2, 0, 0, 0] * 20), np.array([0, 2, 0, 0] * 20)
    assert fit_setups([_inputs(bullish, bearish)], 2)[0] == SetupCutoff(2, VOLUME_SPIKE, UPPER_PART)


def test_more_conditions_are_asked_for_where_nearly_every_candle_would_be_a_setup() -> None:
    bullish, bearish = np.array([4, 3, 0, 0] * 20), np.array([0, 0, 4, 3] * 20)
    assert fit_setups([_inputs(bullish, bearish)], 2)[0].conditions == 4


def test_more_conditions_are_asked_for_where_both_sides_hold_too_often() -> None:
    bullish, bearish = np.array([4, 3, 0, 3] * 25), np.array([3, 4, 0, 3] * 25)
    assert fit_setups([_inputs(bullish, bearish)], 2)[0].conditions == 4


def _market(seed: int) -> SetupInputs:
    """Three conditions of six on one side or four on the other; volume and place decide."""
    random = np.random.default_rng(seed)
    up = random.random(4_000) < 0.5
    return SetupInputs(
        np.where(up, 3, 0),
        np.where(up, 0, 4),
        random.exponential(size=4_000) * 10.0**seed,
        np.where(up, 0.5 + random.random(4_000) / 2, random.random(4_000) / 2),
        np.ones(4_000, np.bool_),
    )


def test_cut_offs_loosen_where_one_number_of_conditions_gives_too_many_and_the_next_too_few() -> None:
    markets = [_market(seed) for seed in range(3)]
    found = fit_setups(markets, 2)
    for cutoff, x in zip(found, markets, strict=True):
        bullish, bearish = cutoff.count(x)
        buy, sell = cutoff.buy(bullish, bearish).mean(), cutoff.buy(bearish, bullish).mean()
        assert min(buy, sell) >= SHARE_MIN
        assert buy + sell <= SHARE_MAX
    assert len({(cutoff.conditions, cutoff.upper) for cutoff in found}) == 1
    assert found[2].volume > 50 * found[0].volume > 0  # each series' own quantile


def test_where_nothing_fits_what_misses_least_is_taken() -> None:
    always = _inputs(np.full(10, 4), np.zeros(10, np.int64), volume=2.0, place=1.0)
    assert fit_setups([always], 2)[0].conditions in range(2, CONDITIONS + 1)
