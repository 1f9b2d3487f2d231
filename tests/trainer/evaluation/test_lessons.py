"""Walk-forward folds follow each other in time, and learn from nothing that they are tested on."""

import numpy as np
import pytest

from shared.contracts import WINDOW
from shared.settings.groups import Settings
from trainer.evaluation.lessons import fold_lessons, walk_lesson
from trainer.evaluation.placebos import history_of
from trainer.evaluation.walks import gaussian_walk


@pytest.mark.parametrize(("candles", "folds"), [(6_500, 2), (12_000, 5)])
def test_folds_test_every_candle_of_the_newest_half_once_and_learn_from_the_past(candles: int, folds: int) -> None:
    history = history_of(gaussian_walk(candles, 1))
    tested = []
    for lesson in fold_lessons([history], Settings(), folds):
        (one,) = lesson.series
        assert one.splits.train.stop + WINDOW < one.splits.validation.start
        assert one.splits.validation.stop + WINDOW < one.splits.test.start
        tested.append(one.candles["t"][one.splits.test.start : one.splits.test.stop])
    np.testing.assert_array_equal(np.concatenate(tested), history.candles["t"][candles // 2 :])


def test_folds_of_two_files_of_one_market_end_at_the_same_dates() -> None:
    long, short = gaussian_walk(14_000, 2), gaussian_walk(12_000, 3)
    short["t"] += 2_000 * 900_000
    histories = [history_of(long, "EURUSD"), history_of(short, "EURUSD.r")]
    for lesson in fold_lessons(histories, Settings(), 2):
        one, other = lesson.series
        assert one.candles["t"][-1] == other.candles["t"][-1]
        assert one.candles["t"][one.splits.test.start] == other.candles["t"][other.splits.test.start]


def test_a_walk_has_the_dates_of_its_market_and_other_prices() -> None:
    history = history_of(gaussian_walk(6_500, 4))
    one = walk_lesson([history], Settings(), 5).series[0]
    np.testing.assert_array_equal(one.candles["t"], history.candles["t"])
    assert (one.candles["c"] != history.candles["c"]).any()
