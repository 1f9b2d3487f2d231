"""Blocks keep the dependence of neighbours, stay within a series, and their weighted AUC is the usual one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trainer.evaluation.bootstrap import RankedScores, Resamples


@given(st.lists(st.integers(30, 400), min_size=1, max_size=4), st.integers(1, 80))
def test_every_draw_has_about_as_many_candles_of_each_series(lengths: list[int], block: int) -> None:
    for weights in Resamples(lengths, block, 3).weights():
        for part, length in zip(np.split(weights, np.cumsum(lengths)[:-1]), lengths, strict=True):
            assert part.sum() >= length
            assert part.sum() < length + max(1, min(block, length // 10))


def test_an_interval_of_dependent_values_is_wider_than_that_of_shuffled_ones() -> None:
    random = np.random.default_rng(3)
    values = np.repeat(random.normal(size=100), 50)
    draws = Resamples((5_000,), 200, 200)
    together, shuffled = draws.of_mean(values), draws.of_mean(random.permutation(values))
    assert together.high - together.low > 3 * (shuffled.high - shuffled.low)
    assert together.low < values.mean() < together.high
    assert together.value == pytest.approx(values.mean())


def test_the_bounds_hold_the_truth_in_most_of_many_worlds() -> None:
    held = 0
    for seed in range(100):
        noise = np.random.default_rng(seed).normal(size=2_019)
        values = np.convolve(noise, np.ones(20) / 20, "valid")  # mean 0, dependent over 20
        found = Resamples((2_000,), 100, 100, seed).of_mean(values)
        held += not found.excludes_zero
    assert 80 <= held <= 99


@given(st.integers(0, 1_000))
def test_weighted_auc_counts_each_candle_as_often_as_it_was_drawn(seed: int) -> None:
    random = np.random.default_rng(seed)
    positive, scores = random.random(60) < 0.4, random.integers(0, 12, 60) / 12  # with ties
    weights = random.integers(0, 4, 60).astype(float)
    drawn = np.repeat(np.arange(60), weights.astype(int))
    found = RankedScores(positive, scores).area(weights)
    if 0 < positive[drawn].sum() < len(drawn):
        assert found == pytest.approx(roc_auc_score(positive[drawn], scores[drawn]))
    else:
        assert np.isnan(found)
