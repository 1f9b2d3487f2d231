"""No candle, row or label is shared between splits."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts import WINDOW
from shared.settings.learning import DataSettings
from trainer.splits import TARGETS_MIN, Span, fewest_candles, split_candles, split_group

DEFAULT = DataSettings()


@given(st.integers(6_000, 300_000), st.integers(50, 512), st.integers(1, 12))
def test_what_one_split_sees_or_foresees_ends_before_the_next_begins(count: int, lookback: int, horizon: int) -> None:
    splits = split_candles(count, lookback, horizon, DEFAULT)
    reach_back = WINDOW - 1 + lookback - 1  # candles before a target that its 96 rows are functions of
    for earlier, later in ((splits.train, splits.validation), (splits.validation, splits.test)):
        assert earlier.stop - 1 + horizon < later.start - reach_back
    assert splits.test.stop == count


@given(st.integers(6_000, 300_000), st.integers(50, 512))
def test_no_target_has_a_warming_row_in_its_window(count: int, lookback: int) -> None:
    first = split_candles(count, lookback, 5, DEFAULT).train.start
    first_warm_row = lookback - 1
    assert first - (WINDOW - 1) == first_warm_row


@given(st.integers(50, 512), st.integers(1, 12), st.floats(0.4, 0.75), st.floats(0.1, 0.2))
def test_the_fewest_candles_are_enough_for_every_split(
    lookback: int, horizon: int, train: float, validation: float
) -> None:
    shares = DataSettings(train_share=train, validation_share=validation)
    splits = split_candles(fewest_candles(lookback, horizon, shares), lookback, horizon, shares)
    # A border is rounded to a candle, so one target more or less.
    assert min(len(splits.train), len(splits.validation), len(splits.test) - horizon) >= TARGETS_MIN - 2


def test_shares_that_leave_no_test_split_are_refused() -> None:
    with pytest.raises(ValidationError, match="test part"):
        DataSettings(train_share=0.8, validation_share=0.2)


def test_an_empty_span_has_no_length_and_an_empty_mask() -> None:
    assert len(Span(5, 3)) == 0
    assert not Span(5, 3).mask(10).any()
    assert Span(2, 4).mask(5).tolist() == [False, False, True, True, False]


def _times(first: int, count: int, width: int) -> np.ndarray:
    return np.arange(first, first + count * width, width, dtype=np.int64)


@settings(max_examples=15)
@given(
    st.integers(20_000, 60_000),
    st.integers(20_000, 60_000),
    st.floats(0, 0.9),
    st.sampled_from([(1, 3), (1, 12), (3, 1), (1, 1)]),
    st.integers(50, 512),
)
def test_series_of_one_market_share_dates_and_none_learns_what_another_is_tested_on(
    one: int, two: int, late: float, widths: tuple[int, int], lookback: int
) -> None:
    times = [_times(1, one, widths[0]), _times(1 + int(late * one * widths[0]), two, widths[1])]
    found = split_group(times, lookback, 12, DEFAULT)
    assume(found is not None)
    reach_back = WINDOW - 1 + lookback - 1
    for earlier, later in (("train", "validation"), ("validation", "test"), ("train", "test")):
        last_seen = max(t[getattr(part, earlier).stop - 1 + 12] for t, part in zip(times, found, strict=True))
        first_used = min(t[getattr(part, later).start - reach_back] for t, part in zip(times, found, strict=True))
        assert last_seen <= first_used + max(widths)  # neighbours on grids of different width touch at one border
    assert all(min(len(part.train), len(part.validation), len(part.test) - 12) >= TARGETS_MIN for part in found)


def test_one_series_alone_is_cut_at_its_own_shares() -> None:
    assert split_group([_times(0, 20_000, 5)], 498, 12, DEFAULT) == [split_candles(20_000, 498, 12, DEFAULT)]


def test_series_that_only_touch_cannot_share_dates() -> None:
    assert split_group([_times(1, 20_000, 5), _times(100_000, 20_000, 5)], 498, 12, DEFAULT) is None
