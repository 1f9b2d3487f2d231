"""A mirrored market moves the other way at every candle, and training reads it in the share that is asked for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE, Candles
from shared.settings.learning import PerturbationSettings
from trainer.chunks import LabelledSeries, span_batches, training_batches
from trainer.mirroring import Mirror, mirror_candles
from trainer.perturbation import Perturbation
from trainer.splits import Span, Splits

COUNT, LENGTH = 3_000, 160
TRAIN = Span(200, 2_500)


def _walk(count: int, seed: int) -> Candles:
    random = np.random.default_rng(seed)
    candles = np.zeros(count, CANDLE_DTYPE)
    candles["t"] = np.arange(count) * 900_000
    candles["c"] = 1.1 * np.exp(np.cumsum(random.normal(scale=1e-3, size=count)))
    candles["o"] = np.concatenate([[1.1], candles["c"][:-1]])
    candles["h"] = np.maximum(candles["o"], candles["c"]) * (1 + random.exponential(1e-4, count))
    candles["l"] = np.minimum(candles["o"], candles["c"]) / (1 + random.exponential(1e-4, count))
    candles["v"] = random.gamma(2, 100, count)
    return candles


@given(seed=st.integers(0, 2**32), count=st.integers(1, 50))
def test_returns_change_their_sign_and_candles_stay_candles(seed: int, count: int) -> None:
    candles = _walk(count, seed)
    mirrored = mirror_candles(candles)
    np.testing.assert_allclose(np.log(mirrored["c"] / mirrored["o"]), -np.log(candles["c"] / candles["o"]), atol=1e-12)
    np.testing.assert_allclose(mirrored["h"] / mirrored["l"], candles["h"] / candles["l"], rtol=1e-12)
    assert (mirrored["h"] >= np.maximum(mirrored["o"], mirrored["c"])).all()
    assert (mirrored["l"] <= np.minimum(mirrored["o"], mirrored["c"])).all()
    np.testing.assert_array_equal(mirrored[["t", "v"]], candles[["t", "v"]])
    assert mirrored["c"][0] == candles["c"][0]


def test_a_mirrored_mirror_is_the_market_again() -> None:
    candles = _walk(100, 0)
    again = mirror_candles(mirror_candles(candles))
    for price in "ohlc":
        np.testing.assert_allclose(again[price], candles[price], rtol=1e-12)


def test_features_of_the_mirror_are_those_of_a_market_that_went_the_other_way() -> None:
    candles = _walk(1_000, 1)
    rows, mirrored = compute_history(candles)[600:], compute_history(mirror_candles(candles))[600:]
    column = FEATURE_SET.names.index
    for odd in ("sma_20_distance", "return_16", "macd_12_26", "body"):
        np.testing.assert_allclose(mirrored[:, column(odd)], -rows[:, column(odd)], atol=0.05, err_msg=odd)
    # Differences of inverse prices are the negative ones only to the size of the move, so these agree to a part of 100.
    np.testing.assert_allclose(mirrored[:, column("rsi_14")], 100 - rows[:, column("rsi_14")], atol=0.3)
    np.testing.assert_allclose(mirrored[:, column("plus_di_14")], rows[:, column("minus_di_14")], atol=0.3)


def _mirrored_share(share: float) -> float:
    """Share of the training chunks read from the mirror, which is 1 where the series is 0."""
    series = LabelledSeries(
        "X.M15",
        np.zeros((COUNT, 1), np.float32),
        {head: np.zeros(COUNT, np.int8) for head in HEADS},
        Splits(TRAIN, Span(2_500, 2_700), Span(2_700, 3_000)),
        np.zeros(COUNT, CANDLE_DTYPE),
        np.zeros(COUNT),
        Perturbation(PerturbationSettings(mirror=share)),
        Mirror(_walk(COUNT, 0), np.ones((COUNT, 1), np.float32), {head: np.ones(COUNT, np.int8) for head in HEADS}),
    )
    random, drawn = np.random.default_rng(0), []
    for batch in (batch for _ in range(10) for batch in training_batches([series], LENGTH, 3, random)):
        for rows, labels in zip(batch.rows[..., 0], batch.labels["regime"], strict=True):
            assert rows.min() == rows.max()  # a chunk is of one market
            known = labels[labels >= 0]
            assert (known == rows[0]).all()  # and its labels are of the same
            drawn.append(float(rows[0]))
    for _, batch in span_batches(series, series.splits.validation, LENGTH):
        assert batch.rows.max() == 0  # what is scored is never mirrored
    return float(np.mean(drawn))


def test_training_reads_the_share_of_mirrored_chunks_that_is_asked_for() -> None:
    assert _mirrored_share(0.0) == 0
    assert 0.4 < _mirrored_share(0.5) < 0.6
    assert _mirrored_share(1.0) == 1
