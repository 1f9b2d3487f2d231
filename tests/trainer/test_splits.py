"""No candle, row or label is shared between splits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts import WINDOW
from shared.settings.groups import DataSettings
from trainer.splits import TARGETS_MIN, Span, fewest_candles, split_candles

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
    settings = DataSettings(train_share=train, validation_share=validation)
    splits = split_candles(fewest_candles(lookback, horizon, settings), lookback, horizon, settings)
    # A border is rounded to a candle, so one target more or less.
    assert min(len(splits.train), len(splits.validation), len(splits.test) - horizon) >= TARGETS_MIN - 2


def test_shares_that_leave_no_test_split_are_refused() -> None:
    with pytest.raises(ValidationError, match="test part"):
        DataSettings(train_share=0.8, validation_share=0.2)


def test_an_empty_span_has_no_length_and_an_empty_mask() -> None:
    assert len(Span(5, 3)) == 0
    assert not Span(5, 3).mask(10).any()
    assert Span(2, 4).mask(5).tolist() == [False, False, True, True, False]
