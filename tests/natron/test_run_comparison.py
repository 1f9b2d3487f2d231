"""Two runs are equal by the contracts' definition, and every way of being unequal has its count."""

from dataclasses import replace

import numpy as np
import pytest

from natron.run_comparison import compare_runs, difference
from shared.contracts import WINDOW, Prediction, Series


def prediction(n: int = WINDOW, symbol: str = "EURUSD") -> Prediction:
    probabilities = np.random.default_rng(n).dirichlet(np.ones(6)).tolist()
    return Prediction(
        Series(symbol, "M15"), 900_000 * n, n, 0.7, 0.2, (0.5, 0.3, 0.2), tuple(probabilities), (), (), 4,
        "bundle", "ab" * 32, 1, 2, 3, 4,
    )  # fmt: skip


RUN = [prediction(n, symbol) for n in range(WINDOW, WINDOW + 9) for symbol in ("EURUSD", "GBPUSD")]


def counts(found: list[Prediction]) -> tuple[int, int, int, int]:
    result = compare_runs(RUN, found)
    assert result.equal == (not any((result.lost, result.duplicated, result.different, result.out_of_order)))
    return result.lost, result.duplicated, result.different, result.out_of_order


def test_a_run_equals_itself_whatever_its_times_and_however_its_series_interleave() -> None:
    later = [replace(one, admitted_us=9, row_us=9, queued_us=9, inferred_us=9) for one in RUN]
    assert counts(sorted(later, key=lambda one: one.series.key)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (RUN[1:], (1, 0, 0, 0)),
        ([*RUN, RUN[3]], (0, 1, 0, 0)),
        ([RUN[2], RUN[0], *RUN[1:2], *RUN[3:]], (0, 0, 0, 1)),
        ([*RUN, prediction(999)], (0, 0, 1, 0)),
        ([replace(RUN[0], bundle="another"), *RUN[1:]], (0, 0, 1, 0)),
        ([], (len(RUN), 0, 0, 0)),
    ],
    ids=["lost", "twice", "swapped", "unexpected", "changed", "nothing"],
)
def test_each_fault_has_its_count(found: list[Prediction], expected: tuple[int, int, int, int]) -> None:
    assert counts(found) == expected


@pytest.mark.parametrize("field", ["n", "bundle", "feature_set", "reasons"])
def test_what_is_no_probability_must_be_equal(field: str) -> None:
    one = prediction()
    other = {"n": 97, "bundle": "x", "feature_set": "cd" * 32, "reasons": 5}
    assert difference(one, replace(one, **{field: other[field]})) == field


@pytest.mark.parametrize("field", ["buy_prob", "direction_probs", "regime_probs"])
@pytest.mark.parametrize(("drift", "same"), [(9e-6, True), (2e-5, False)])
def test_probabilities_may_differ_by_the_tolerance_and_no_more(field: str, drift: float, same: bool) -> None:
    one = prediction()
    value = getattr(one, field)
    moved = value + drift if isinstance(value, float) else (value[0] + drift, *value[1:])
    assert difference(one, replace(one, **{field: moved})) == (None if same else field)


def test_a_class_may_change_only_where_its_margin_is_narrow() -> None:
    narrow = replace(prediction(), direction_probs=(0.400004, 0.4, 0.199996))
    assert difference(narrow, replace(narrow, direction_probs=(0.4, 0.400004, 0.199996))) is None
    assert difference(replace(prediction(), buy_prob=0.500004), replace(prediction(), buy_prob=0.499999)) is None
