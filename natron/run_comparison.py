"""When two runs are equal: the definition of the contracts, prediction by prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contracts import Prediction

TOLERANCE = 1e-5
"""Largest difference of a probability that is still the same answer."""


@dataclass(frozen=True)
class RunComparison:
    """Counts of predictions; two runs are equal when all four are 0.

    ``different`` counts predictions that differ and such as the other run does not have.
    """

    lost: int
    duplicated: int
    different: int
    out_of_order: int
    first_difference: dict[str, Any] | None = None

    @property
    def equal(self) -> bool:
        """Whether all four are 0."""
        return not (self.lost or self.duplicated or self.different or self.out_of_order)


def compare_runs(expected: Sequence[Prediction], found: Sequence[Prediction]) -> RunComparison:
    """Compare a run with an undisturbed one.

    Parameters
    ----------
    expected, found
        Predictions of any series in the order in which they were published.
    """
    theirs = {(one.series.key, one.t): one for one in expected}
    seen: dict[tuple[str, int], Prediction] = {}
    newest: dict[str, int] = {}
    duplicated = different = out_of_order = 0
    first: dict[str, Any] | None = None
    for prediction in found:
        key = (prediction.series.key, prediction.t)
        if key in seen:
            duplicated += 1
            continue
        seen[key] = prediction
        out_of_order += prediction.t < newest.get(prediction.series.key, 0)
        newest[prediction.series.key] = max(prediction.t, newest.get(prediction.series.key, 0))
        field = difference(theirs[key], prediction) if key in theirs else "unexpected"
        if field is not None:
            different += 1
            first = first or {"id": prediction.id, "n": prediction.n, "field": field}
    return RunComparison(len(theirs.keys() - seen.keys()), duplicated, different, out_of_order, first)


def difference(one: Prediction, other: Prediction) -> str | None:
    """First field in which two predictions of a candle differ; None where they are the same answer."""
    for name in ("series", "t", "n", "bundle", "feature_set", "reasons", "policy"):
        if getattr(one, name) != getattr(other, name):
            return name
    for name in ("buy_prob", "sell_prob", "direction_probs", "regime_probs", "outlook"):
        left, right = getattr(one, name), getattr(other, name)
        if left != right and not _close(np.atleast_1d(left), np.atleast_1d(right)):
            return name
    return _class_difference(one, other)


def _close(left: NDArray[np.float64], right: NDArray[np.float64]) -> bool:
    return left.shape == right.shape and bool(np.abs(left - right).max() <= TOLERANCE)


def _class_difference(one: Prediction, other: Prediction) -> str | None:
    """Head whose class differs although its margin is too wide for that."""
    for head in ("buy_prob", "sell_prob"):
        left, right = getattr(one, head), getattr(other, head)
        if (left >= 0.5) != (right >= 0.5) and 2 * abs(left - 0.5) > 2 * TOLERANCE:
            return head
    for head in ("direction_probs", "regime_probs"):
        if getattr(one, head) == getattr(other, head):
            continue
        left, right = np.array(getattr(one, head)), np.array(getattr(other, head))
        if left.argmax() != right.argmax() and _margin(left) > 2 * TOLERANCE:
            return head
    return None


def _margin(probabilities: NDArray[np.float64]) -> float:
    second, largest = np.sort(probabilities)[-2:]
    return float(largest - second)
