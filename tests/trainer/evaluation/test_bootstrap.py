"""Blocks keep the dependence of neighbours, stay within a series, and their weighted AUC is the usual one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trainer.evaluation.bootstrap import Resamples, auc_influence


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
    together, shuffled = draws.of_means(np.stack([values, random.permutation(values)], 1))
    assert together.high - together.low > 3 * (shuffled.high - shuffled.low)
    assert together.low < values.mean() < together.high
    assert together.value == pytest.approx(values.mean())


def test_the_bounds_hold_the_truth_in_most_of_many_worlds() -> None:
    held = 0
    for seed in range(100):
        noise = np.random.default_rng(seed).normal(size=2_019)
        values = np.convolve(noise, np.ones(20) / 20, "valid")  # mean 0, dependent over 20
        found = Resamples((2_000,), 100, 100, seed).of_means(values[:, None])[0]
        held += not found.excludes_zero
    assert 80 <= held <= 99


@given(st.integers(0, 1_000))
def test_the_auc_of_a_draw_is_foretold_by_what_each_candle_adds(seed: int) -> None:
    random = np.random.default_rng(seed)
    positive = random.random(3_000) < 0.4
    scores = np.round(random.normal(size=3_000) + positive, 1)  # with ties
    added = auc_influence(positive, scores)
    assert added.mean() == pytest.approx(0, abs=1e-12)
    (weights,) = Resamples((3_000,), 20, 1, seed).weights()
    drawn = np.repeat(np.arange(3_000), weights.astype(int))
    area = roc_auc_score(positive, scores) + weights @ added / weights.sum()
    assert area == pytest.approx(roc_auc_score(positive[drawn], scores[drawn]), abs=2e-3)


def test_one_side_alone_has_no_auc() -> None:
    assert np.isnan(auc_influence(np.ones(5, bool), np.arange(5.0))).all()
