"""What is said of labels is what they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.labels.heads import UNLABELLED
from trainer.labels.portrait import autocorrelation


@given(st.lists(st.integers(0, 1), min_size=30, max_size=60), st.sampled_from([1, 5, 20]))
def test_of_two_classes_it_is_pearsons_correlation(labels: list[int], lag: int) -> None:
    values = np.array(labels, np.int8)
    earlier, later = values[:-lag], values[lag:]
    expected = np.corrcoef(earlier, later)[0, 1] if earlier.std() and later.std() else 0.0
    assert autocorrelation(values, lag) == pytest.approx(expected, abs=1e-9)


def test_unknown_labels_do_not_count_and_a_repeated_pattern_is_full_memory() -> None:
    labels = np.tile(np.array([0, 1, 2, 2, 3], np.int8), 200)
    assert autocorrelation(labels, 5) == pytest.approx(1)
    labels[::7] = UNLABELLED
    assert autocorrelation(labels, 5) == pytest.approx(1)


def test_independent_labels_have_none() -> None:
    labels = np.random.default_rng(0).integers(0, 6, 20_000).astype(np.int8)
    assert abs(autocorrelation(labels, 1)) < 0.03


def test_nothing_known_is_no_memory() -> None:
    assert autocorrelation(np.full(50, UNLABELLED, np.int8), 5) == 0
    assert autocorrelation(np.zeros(3, np.int8), 20) == 0
