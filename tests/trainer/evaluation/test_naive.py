"""Baselines without a model know the past only."""

from dataclasses import replace

import numpy as np
import pytest

from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE
from trainer.chunks import LabelledSeries
from trainer.evaluation.naive import majority, persistence
from trainer.labels.heads import UNLABELLED
from trainer.splits import Span, Splits

COUNT, HORIZON = 600, 5


@pytest.fixture
def series() -> LabelledSeries:
    labels = np.repeat(np.random.default_rng(5).integers(0, 6, COUNT // 4), 4).astype(np.int8)
    splits = Splits(Span(0, 400), Span(400, 450), Span(450, COUNT))
    rows, candles = np.zeros((COUNT, 1), np.float32), np.zeros(COUNT, CANDLE_DTYPE)
    return LabelledSeries("X.M15", rows, dict.fromkeys(HEADS, labels), splits, candles, np.zeros(COUNT))


def test_persistence_names_the_newest_resolved_label(series: LabelledSeries) -> None:
    span = series.splits.test
    found = persistence(series, "regime", HORIZON, span)
    np.testing.assert_array_equal(found.argmax(1), series.labels["regime"][span.start - HORIZON : span.stop - HORIZON])
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)


def test_labels_that_are_not_resolved_yet_change_nothing(series: LabelledSeries) -> None:
    at = 500
    labels = series.labels["regime"].copy()
    labels[at - HORIZON + 1 :] = (labels[at - HORIZON + 1 :] + 1) % 6
    other = replace(series, labels=dict.fromkeys(HEADS, labels))
    before = Span(450, at + 1)
    for one, two in (
        (majority(series, "regime", before), majority(other, "regime", before)),
        (persistence(series, "regime", HORIZON, before), persistence(other, "regime", HORIZON, before)),
    ):
        np.testing.assert_array_equal(one, two)


def test_before_anything_is_resolved_persistence_is_the_majority(series: LabelledSeries) -> None:
    labels = series.labels["regime"].copy()
    labels[:460] = UNLABELLED
    labels[100:400] = 2
    labels[440:470] = UNLABELLED
    blind = replace(series, labels=dict.fromkeys(HEADS, labels))
    np.testing.assert_array_equal(
        persistence(blind, "regime", HORIZON, Span(450, 460)), majority(blind, "regime", Span(450, 460))
    )
