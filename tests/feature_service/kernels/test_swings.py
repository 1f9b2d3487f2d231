"""A swing is known three candles later, and no sooner."""

import numpy as np

from feature_service.kernels.swings import NO_SWING, SWING_READS, SWING_SPAN, swing_high, swing_low

PEAK = 100


def mountain(top: float = 2.0) -> np.ndarray:
    """Rises to one peak and falls."""
    return top - 0.001 * np.abs(np.arange(300) - PEAK)


def test_a_peak_is_a_swing_high_from_three_candles_later_on_for_as_long_as_it_is_remembered() -> None:
    known = [swing_high(mountain(), at) for at in range(SWING_READS, 280)]
    first, last = PEAK + 3, PEAK + 2 + SWING_SPAN
    assert [at for at, price in enumerate(known, SWING_READS) if price == 2.0] == list(range(first, last + 1))
    assert set(known) == {2.0, NO_SWING}


def test_a_trough_is_a_swing_low_at_the_same_candles() -> None:
    for at in range(SWING_READS, 280):
        high, low = swing_high(mountain(), at), swing_low(4.0 - mountain(), at)
        assert (high, low) in {(2.0, 2.0), (NO_SWING, NO_SWING)}


def test_of_equal_highs_the_newest_counts() -> None:
    high = mountain()
    high[PEAK + 1] = 2.0
    assert swing_high(high, PEAK + 3) == NO_SWING
    assert swing_high(high, PEAK + 4) == 2.0


def test_of_two_swings_the_newer_counts() -> None:
    high = mountain()
    high[PEAK + 10] = 1.999
    assert [swing_high(high, at) for at in (PEAK + 12, PEAK + 13)] == [2.0, 1.999]
