"""Training batches are perturbed as asked, from their generator alone; nothing else ever is, and no label changes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE
from shared.settings.learning import PerturbationSettings
from trainer.chunks import LabelledSeries, span_batches, training_batches
from trainer.labels.heads import UNLABELLED
from trainer.perturbation import Perturbation
from trainer.scaler import Scaler
from trainer.splits import Span, Splits

COUNT, LENGTH, FEATURES = 900, 160, 4
CENTRE = np.array([100, 0, -5, 1e3], np.float32)
SCALE = np.array([1, 10, 0.1, 2], np.float32)


def _series(**options: float) -> LabelledSeries:
    random = np.random.default_rng(0)
    rows = (CENTRE + random.standard_normal((COUNT, FEATURES)) / SCALE).astype(np.float32)
    labels = {head: random.choice(len(names), COUNT, p=_shares(len(names))) for head, names in HEADS.items()}
    labels = {head: values.astype(np.int8) for head, values in labels.items()}
    perturbation = Perturbation.fit(
        PerturbationSettings(**options), lambda: Scaler(CENTRE, SCALE), {head: [labels[head]] for head in HEADS}
    )
    splits = Splits(Span(100, COUNT), Span(0, 0), Span(0, 0))
    return LabelledSeries("X.M15", rows, labels, splits, np.zeros(COUNT, CANDLE_DTYPE), np.zeros(COUNT), perturbation)


def _shares(classes: int) -> list[float]:
    return [0.7, *[0.3 / (classes - 1)] * (classes - 1)]


def _batches(series: LabelledSeries, seed: int = 1) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    batches = list(training_batches([series], LENGTH, 2, np.random.default_rng(seed)))
    return torch.cat([one.rows for one in batches]), {
        head: torch.cat([one.labels[head] for one in batches]) for head in HEADS
    }


def test_without_settings_rows_and_labels_are_the_series_own() -> None:
    series = _series()
    rows, _ = _batches(series)
    known = {tuple(row) for row in series.rows.tolist()}
    assert {tuple(row) for row in rows.reshape(-1, FEATURES).tolist()} <= known


@pytest.mark.parametrize(
    "options", [{"noise": 0.1}, {"feature_dropout": 0.3}, {"candle_dropout": 0.2}, {"heavy_max": 1.5}]
)
def test_the_same_generator_gives_the_same_batches_and_another_others(options: dict[str, float]) -> None:
    series = _series(**options)
    one, two, other = _batches(series), _batches(series), _batches(series, 2)
    assert torch.equal(one[0], two[0])
    assert all(torch.equal(one[1][head], two[1][head]) for head in HEADS)
    assert not (torch.equal(one[0], other[0]) and torch.equal(one[1]["buy"], other[1]["buy"]))


def test_spans_are_scored_on_rows_as_they_are() -> None:
    series = _series(noise=0.5, feature_dropout=0.5, candle_dropout=0.5, heavy_max=1.0)
    for start, batch in span_batches(series, Span(200, 700), LENGTH):
        known = batch.labels["buy"][0] != UNLABELLED
        at = np.arange(start, start + int(known.sum()))
        np.testing.assert_array_equal(batch.rows[0, known], series.rows[at])
        np.testing.assert_array_equal(batch.labels["buy"][0, known], series.labels["buy"][at])


def test_noise_is_as_large_as_asked_in_units_of_each_feature() -> None:
    plain, noisy = _series(), _series(noise=0.1)
    random = np.random.default_rng(3)
    difference = (noisy.perturbation.rows(plain.rows, random) - plain.rows) * SCALE
    np.testing.assert_allclose(difference.std(0), 0.1, rtol=0.1)
    np.testing.assert_allclose(difference.mean(0), 0, atol=0.02)


def test_hidden_features_are_hidden_all_through_a_chunk_and_hidden_candles_wholly() -> None:
    rows = _series().rows
    hidden = _series(feature_dropout=0.5).perturbation.rows(rows, np.random.default_rng(1)) == CENTRE
    assert (hidden.all(0) | ~hidden.any(0)).all()
    assert hidden.all(0).any()
    hidden = _series(candle_dropout=0.25).perturbation.rows(rows, np.random.default_rng(1)) == CENTRE
    assert (hidden.all(1) | ~hidden.any(1)).all()
    assert 0.18 < hidden.all(1).mean() < 0.32


@settings(max_examples=20)
@given(st.floats(1, 5), st.integers(0, 2**32))
def test_heavy_classes_are_left_out_down_to_their_share_and_none_is_relabelled(heavy_max: float, seed: int) -> None:
    series = _series(heavy_max=heavy_max)
    for head, names in HEADS.items():
        labels = series.labels[head]
        left = series.perturbation.labels(head, labels, np.random.default_rng(seed))
        assert ((left == labels) | (left == UNLABELLED)).all()
        before, after = (np.bincount(one[one != UNLABELLED], minlength=len(names)) for one in (labels, left))
        most = heavy_max * before.min()
        np.testing.assert_array_equal(after[before <= most], before[before <= most])
        assert (after <= most + 5 * np.sqrt(before)).all()


def test_unknown_labels_stay_unknown() -> None:
    unknown = np.full(50, UNLABELLED, np.int8)
    series = _series(heavy_max=1.0)
    assert (series.perturbation.labels("regime", unknown, np.random.default_rng(0)) == UNLABELLED).all()
