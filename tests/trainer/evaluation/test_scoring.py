"""Figures are measured on labelled test candles only, beside what needs no model."""

import numpy as np
import pytest

from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE
from trainer.chunks import LabelledSeries
from trainer.evaluation import scoring
from trainer.evaluation.figures import P_MIN
from trainer.evaluation.scoring import score_test
from trainer.labels.heads import UNLABELLED
from trainer.model import Natron
from trainer.splits import Span, Splits

HORIZONS = dict.fromkeys(HEADS, 2)


def _series(key: str, labels: list[int]) -> LabelledSeries:
    values = np.array(labels, np.int8)
    splits = Splits(Span(0, 4), Span(4, 4), Span(6, len(labels)))
    rows, candles = np.zeros((len(labels), 1), np.float32), np.zeros(len(labels), CANDLE_DTYPE)
    return LabelledSeries(key, rows, dict.fromkeys(HEADS, values), splits, candles, np.zeros(len(labels)))


@pytest.fixture
def always_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is sure of class 1 everywhere."""

    def predict(model: Natron, series: LabelledSeries, span: Span) -> dict[str, np.ndarray]:
        return {head: np.tile(np.eye(len(classes))[1] * 50, (len(span), 1)) for head, classes in HEADS.items()}

    monkeypatch.setattr(scoring, "predict", predict)


def test_each_figure_counts_what_it_says(model: Natron, always_one: None) -> None:
    labels = [0, 0, 0, 1, 1, 0, 1, 1, 1, 0, UNLABELLED]  # four to train on, a gap of two, five to test on
    (record,) = (found for found in score_test(model, [_series("X", labels)], HORIZONS) if found.head == "buy")
    assert record.candles == 4
    assert record.accuracy == 3 / 4  # ones among the four labelled
    assert record.majority == 1 / 4  # the training split is mostly 0
    assert record.persistence == 2 / 4  # labels two candles before: 1, 0, 1, 1
    assert record.log_loss == pytest.approx(-np.log(P_MIN) / 4)  # sure and wrong once; such losses are capped


def test_all_series_together_weigh_each_candle_alike(model: Natron, always_one: None) -> None:
    one, two = _series("X", [0] * 6 + [1] * 6), _series("Y", [0] * 6 + [0] * 2)
    records = {(found.series, found.head): found for found in score_test(model, [one, two], HORIZONS)}
    assert records["all", "sell"].accuracy == 6 / 8
    assert records["all", "sell"].candles == 8
    assert len(records) == 3 * len(HEADS)
