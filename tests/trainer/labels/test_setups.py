"""A setup is never on both sides at once, and its cut-off adapts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from trainer.labels.setups import CONDITIONS, SetupCutoff

COUNTS = npst.arrays(np.int64, 60, elements=st.integers(0, CONDITIONS))


@given(COUNTS, COUNTS, st.integers(1, CONDITIONS))
def test_a_candle_never_shows_both_setups(bullish: np.ndarray, bearish: np.ndarray, conditions: int) -> None:
    cutoff = SetupCutoff(conditions)
    assert not (cutoff.buy(bullish, bearish) & cutoff.buy(bearish, bullish)).any()


def test_the_cut_off_is_the_least_that_is_asked_for_where_setups_are_rare_enough() -> None:
    bullish = np.array([0, 0, 0, 2, 3] * 20)
    assert SetupCutoff.fit(bullish, bullish[::-1] * 0, 2).conditions == 2


def test_the_cut_off_rises_where_nearly_every_candle_would_be_a_setup() -> None:
    bullish = np.array([2, 2, 3, 4, 4] * 20)
    assert SetupCutoff.fit(bullish, bullish * 0, 2).conditions == 4


def test_the_cut_off_rises_where_both_sides_hold_too_often() -> None:
    bullish, bearish = np.array([2, 3, 0, 0] * 25), np.array([2, 0, 3, 0] * 25)
    assert SetupCutoff.fit(bullish, bearish, 2).conditions == 3


def test_the_cut_off_never_passes_the_number_of_conditions() -> None:
    assert SetupCutoff.fit(np.full(10, 6), np.zeros(10, np.int64), 2).conditions == CONDITIONS
