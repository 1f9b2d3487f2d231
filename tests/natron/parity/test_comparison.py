"""Every kind of difference is found, at its candle, with both values; equal runs have none."""

from dataclasses import replace

import numpy as np
import pytest

from inference_worker.bundle import HEADS, OUTLOOK_HEADS
from natron.parity.comparison import Computed, Difference, Published, first_difference
from shared.contracts import WINDOW, Prediction, Series
from shared.testing import walk_candles

COUNT, FEATURES = WINDOW + 40, 7
CANDLES = walk_candles(COUNT)


@pytest.fixture
def computed() -> Computed:
    random = np.random.default_rng(3)
    heads = {
        head: random.random((COUNT, len(classes)) if len(classes) > 2 else COUNT).astype(np.float32)
        for head, classes in HEADS.items()
    }
    rows = random.normal(size=(COUNT, FEATURES)).astype(np.float32)
    return Computed(CANDLES, tuple(f"feature_{at}" for at in range(FEATURES)), rows, heads)


@pytest.fixture
def published(computed: Computed) -> Published:
    heads = computed.heads
    predictions = [
        Prediction(
            Series("X", "M15"), int(CANDLES["t"][at]), at + 1, float(heads["buy"][at]), float(heads["sell"][at]),
            tuple(heads["direction"][at].tolist()), tuple(heads["regime"][at].tolist()),
            tuple(float(heads[head][at]) for head in OUTLOOK_HEADS), (), 4, "b", "ab" * 32,
            1, 2, 3, 4,
        )
        for at in range(WINDOW - 1, COUNT)
    ]  # fmt: skip
    return Published(CANDLES["t"].copy(), np.arange(1, COUNT + 1), computed.rows.copy(), predictions)


def test_equal_runs_have_no_difference(published: Published, computed: Computed) -> None:
    assert first_difference(published, computed) is None


@pytest.mark.parametrize(("row", "column"), [(0, 0), (50, 3), (COUNT - 1, FEATURES - 1)])
def test_a_feature_that_differs_in_its_last_bit_is_found(
    published: Published, computed: Computed, row: int, column: int
) -> None:
    right = computed.rows[row, column]
    published.rows[row, column] = np.nextafter(right, np.float32(9))
    found = first_difference(published, computed)
    assert found is not None
    assert (found.kind, found.name, found.n, found.t) == (
        "feature", f"feature_{column}", row + 1, int(CANDLES["t"][row]),
    )  # fmt: skip
    assert found.trainer == float(right)
    assert found.service != found.trainer


def test_minus_zero_is_not_zero(published: Published, computed: Computed) -> None:
    published.rows[5, 2], computed.rows[5, 2] = -0.0, 0.0
    assert first_difference(published, computed) is not None


@pytest.mark.parametrize(("drift", "same"), [(8e-6, True), (2e-5, False), (float("nan"), False)])
def test_a_head_may_differ_by_the_tolerance_and_no_more(
    published: Published, computed: Computed, drift: float, same: bool
) -> None:
    one = published.predictions[7]
    probabilities = (*one.regime_probs[:2], one.regime_probs[2] + drift, *one.regime_probs[3:])
    published.predictions[7] = replace(one, regime_probs=probabilities)
    found = first_difference(published, computed)
    assert (found is None) == same
    if found is not None:
        assert (found.kind, found.name, found.n) == ("head", "regime.RANGE", one.n)


def test_an_outlook_that_the_services_left_out_is_a_difference(published: Published, computed: Computed) -> None:
    published.predictions[3] = replace(published.predictions[3], outlook=())
    found = first_difference(published, computed)
    assert found is not None
    assert (found.kind, found.name, found.n) == ("head", "long_win", WINDOW + 3)


def test_a_bundle_without_an_outlook_is_compared_in_what_it_has(published: Published, computed: Computed) -> None:
    for head in OUTLOOK_HEADS:
        del computed.heads[head]
    less = [replace(one, outlook=()) for one in published.predictions]
    assert first_difference(replace(published, predictions=less), computed) is None


def test_a_missing_row_or_prediction_is_found_at_its_candle(published: Published, computed: Computed) -> None:
    t = [int(value) for value in CANDLES["t"]]
    less = replace(published, predictions=published.predictions[:9] + published.predictions[10:])
    assert first_difference(less, computed) == Difference(
        "candle", "prediction", WINDOW + 9, t[WINDOW + 8], t[WINDOW + 9], t[WINDOW + 8]
    )
    short = replace(published, t=published.t[:-1], n=published.n[:-1], rows=published.rows[:-1])
    assert first_difference(short, computed) == Difference("candle", "row", COUNT, t[-1], None, t[-1])


def test_of_several_differences_the_earliest_candle_counts(published: Published, computed: Computed) -> None:
    published.predictions[0] = replace(published.predictions[0], buy_prob=2.0)
    published.rows[WINDOW + 3, 0] += 1
    found = first_difference(published, computed)
    assert found is not None
    assert (found.kind, found.name, found.n) == ("head", "buy", WINDOW)
