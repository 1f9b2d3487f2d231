"""The bundle's own reasons, each rule at its edge."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference_worker.bundle import Bundle, Manifest
from inference_worker.reasons import Abstention
from inference_worker.records import BoundsRecord
from inference_worker.session import Heads
from shared.contracts import Prediction, Reason, Series
from shared.prediction_document import confidence

SURE: Heads = {
    "buy": np.array([0.9], np.float32),
    "sell": np.array([0.1], np.float32),
    "direction": np.array([[0.9, 0.05, 0.05]], np.float32),
    "regime": np.array([[0.9, 0.02, 0.02, 0.02, 0.02, 0.02]], np.float32),
}


def bounded(bundle: Bundle, extremes: int) -> Manifest:
    features = len(bundle.manifest.feature_set.names)
    bounds = BoundsRecord(low=(-1.0,) * features, high=(1.0,) * features, extremes=extremes)
    return bundle.manifest.model_copy(update={"bounds": bounds})


@given(outside=st.integers(0, 98), extremes=st.integers(0, 98))
def test_outlier_is_more_features_outside_their_range_than_allowed(bundle: Bundle, outside: int, extremes: int) -> None:
    row = np.ones((1, 98), np.float32)  # on the edge is inside
    row[0, : outside // 2], row[0, outside // 2 : outside] = 1.5, -1.5
    found = Abstention(bounded(bundle, extremes), 0).reasons(row, SURE)
    assert found == [int(Reason.OUTLIER) if outside > extremes else 0]


def test_a_bundle_without_bounds_calls_nothing_an_outlier(bundle: Bundle) -> None:
    manifest = bundle.manifest.model_copy(update={"bounds": None})
    assert Abstention(manifest, 0).reasons(np.full((1, 98), 1e9, np.float32), SURE) == [0]


def test_low_confidence_is_below_the_higher_of_bundle_and_setting(bundle: Bundle) -> None:
    rows = np.zeros((1, 98), np.float32)
    for own, setting, low in ((0.0, 0.0, False), (0.89, 0.0, False), (0.91, 0.0, True), (0.0, 0.91, True)):
        manifest = bundle.manifest.model_copy(update={"bounds": None, "confidence_min": own})
        assert Abstention(manifest, setting).reasons(rows, SURE) == [int(Reason.LOW_CONFIDENCE) if low else 0]


@given(st.lists(st.floats(0.0078125, 1, width=32), min_size=11, max_size=11))
def test_its_confidence_is_the_one_that_clients_see(bundle: Bundle, numbers: list[float]) -> None:
    direction, regime = np.array(numbers[2:5], np.float32), np.array(numbers[5:], np.float32)
    heads: Heads = {
        "buy": np.array(numbers[:1], np.float32),
        "sell": np.array(numbers[1:2], np.float32),
        "direction": (direction / direction.sum())[None],
        "regime": (regime / regime.sum())[None],
    }
    shown = confidence(
        replace(
            _PREDICTION,
            buy_prob=float(heads["buy"][0]),
            sell_prob=float(heads["sell"][0]),
            direction_probs=tuple(heads["direction"][0].tolist()),
            regime_probs=tuple(heads["regime"][0].tolist()),
        )
    )
    rows = np.zeros((1, 98), np.float32)
    manifest = bundle.manifest.model_copy(update={"bounds": None})
    assert Abstention(manifest, shown - 1e-6).reasons(rows, heads) == [0]
    if shown < 1 - 1e-6:
        assert Abstention(manifest, shown + 1e-6).reasons(rows, heads) == [int(Reason.LOW_CONFIDENCE)]


_PREDICTION = Prediction(Series("A", "M1"), 60_000, 96, 0, 0, (), (), (), (), 0, "b", "ab" * 32, 0, 0, 0, 0)
