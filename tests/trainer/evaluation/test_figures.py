"""Every figure is what its definition says, recomputed here in plain numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluation.figures import ECE_BINS, calibration_error, measure


def _case(seed: int, count: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count).astype(np.int8)
    probabilities = random.dirichlet(np.ones(classes), count)
    return labels, probabilities, np.full((count, classes), 1 / classes)


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_figures_agree_with_their_definitions(seed: int, classes: int) -> None:
    labels, p, frequencies = _case(seed, 90, classes)
    found = measure(labels, p, frequencies)
    named, present = p.argmax(1), np.unique(labels)
    recalls = [(named[labels == k] == k).mean() for k in present]
    f1 = [2 * ((named == k) & (labels == k)).sum() / ((named == k).sum() + (labels == k).sum()) for k in present]
    areas = [np.mean([(a > b) + 0.5 * (a == b) for a in p[labels == k, k] for b in p[labels != k, k]]) for k in present]
    one_hot = np.eye(classes)[labels]
    x, y = np.eye(classes)[named], one_hot
    covariance = [
        float(sum(np.cov(a[:, k], b[:, k], bias=True)[0, 1] for k in range(classes)))
        for a, b in ((x, y), (x, x), (y, y))
    ]
    loss = -np.log(p[np.arange(len(labels)), labels]).mean()
    assert found.accuracy == pytest.approx((named == labels).mean())
    assert found.balanced_accuracy == pytest.approx(np.mean(recalls))
    assert found.macro_f1 == pytest.approx(np.mean(f1))
    assert found.auc == pytest.approx(np.mean(areas))
    assert found.mcc == pytest.approx(covariance[0] / np.sqrt(covariance[1] * covariance[2]))
    assert found.log_loss == pytest.approx(loss)
    assert found.log_loss_skill == pytest.approx(1 - loss / np.log(classes))
    assert found.brier == pytest.approx(((p - one_hot) ** 2).sum(1).mean())


def test_class_frequencies_have_no_skill_and_a_perfect_answer_has_all() -> None:
    labels, _, frequencies = _case(1, 200, 3)
    assert measure(labels, frequencies, frequencies).log_loss_skill == pytest.approx(0)
    assert measure(labels, frequencies, frequencies).auc == pytest.approx(0.5)
    perfect = measure(labels, np.eye(3)[labels], frequencies)
    assert (perfect.accuracy, perfect.mcc, perfect.auc, perfect.brier) == pytest.approx((1, 1, 1, 0))


def test_calibration_error_is_the_distance_of_confidence_from_truth() -> None:
    labels = np.tile([1, 1, 1, 0], 600).astype(np.int8)  # right in 3 of 4
    honest = np.tile([0.25, 0.75], (len(labels), 1))
    assert calibration_error(labels, honest) == pytest.approx(0, abs=0.01)
    assert calibration_error(labels, np.tile([0.05, 0.95], (len(labels), 1))) == pytest.approx(0.2, abs=0.01)
    assert len(labels) % ECE_BINS == 0


def test_one_class_alone_has_no_auc() -> None:
    labels, p, frequencies = _case(2, 20, 2)
    assert np.isnan(measure(np.zeros_like(labels), p, frequencies).auc)
