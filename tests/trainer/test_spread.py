"""Bounds and histograms are of the splits that they are said to be of."""

import numpy as np
import pytest

from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE
from trainer.chunks import LabelledSeries
from trainer.splits import Span, Splits
from trainer.spread import fit_bounds, fit_histograms

SPLITS = Splits(Span(100, 5_100), Span(5_200, 7_200), Span(7_300, 9_000))


@pytest.fixture(scope="module")
def series() -> LabelledSeries:
    rows = np.random.default_rng(0).normal(size=(9_000, 4)).astype(np.float32)
    rows[:, 3] = np.round(rows[:, 3])  # few values: deciles repeat
    rows[:100] = rows[7_300:] = 1e6  # neither warming rows nor the test split may count
    labels = {head: np.zeros(9_000, np.int8) for head in HEADS}
    return LabelledSeries("A.M15", rows, labels, SPLITS, np.zeros(9_000, CANDLE_DTYPE), np.zeros(9_000))


def test_bounds_hold_all_but_a_thousandth_on_each_side_of_the_training_rows(series: LabelledSeries) -> None:
    bounds = fit_bounds([series])
    train = series.rows[SPLITS.train.start : SPLITS.train.stop]
    below, above = (train < np.float32(bounds.low)).mean(0), (train > np.float32(bounds.high)).mean(0)
    assert below[:3] == pytest.approx(0.001, abs=3e-4)
    assert above[:3] == pytest.approx(0.001, abs=3e-4)
    assert max(bounds.high) < 10


def test_all_but_a_thousandth_of_the_validation_rows_have_no_more_extremes(series: LabelledSeries) -> None:
    bounds = fit_bounds([series])
    rows = series.rows[SPLITS.validation.start : SPLITS.validation.stop]
    outside = ((rows < np.float32(bounds.low)) | (rows > np.float32(bounds.high))).sum(1)
    assert (outside <= bounds.extremes).mean() >= 0.999
    assert (outside <= bounds.extremes - 1).mean() < 0.999


def test_histograms_have_the_training_rows_shares(series: LabelledSeries) -> None:
    found = fit_histograms([series, series])
    edges, shares = found.edges.array, found.shares.array
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(shares[:3], 0.1, atol=1e-3)
    train = series.rows[SPLITS.train.start : SPLITS.train.stop, 3]
    for bin_, share in enumerate(shares[3]):
        low = -np.inf if bin_ == 0 else edges[3, bin_ - 1]
        high = np.inf if bin_ == 9 else edges[3, bin_]
        assert ((train >= low) & (train < high)).mean() == pytest.approx(share, abs=1e-6)
