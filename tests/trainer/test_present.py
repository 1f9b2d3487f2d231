"""Present values are those of the candle itself and of none after it; the model learns to tell them."""

import numpy as np
import pytest
import torch

from inference_worker.bundle import HEADS
from shared.contracts import CANDLE_DTYPE, Candles
from trainer.chunks import LabelledSeries, training_batches
from trainer.labels.technicals import Technicals
from trainer.mirroring import mirror_candles
from trainer.model import Natron
from trainer.present import MOVES, SIZE, Taught, present_loss, present_values
from trainer.splits import Span, Splits

COUNT = 900


def _walk(seed: int) -> Candles:
    random = np.random.default_rng(seed)
    candles = np.zeros(COUNT, CANDLE_DTYPE)
    candles["c"] = 100 * np.exp(np.cumsum(random.normal(scale=1e-3, size=COUNT)))
    candles["o"] = np.concatenate([[100.0], candles["c"][:-1]])
    candles["h"] = np.maximum(candles["o"], candles["c"]) * 1.0002
    candles["l"] = np.minimum(candles["o"], candles["c"]) / 1.0002
    return candles


def test_a_value_is_known_from_its_candle_on_and_what_follows_changes_nothing() -> None:
    candles = _walk(0)
    changed = candles.copy()
    for price in "ohlc":
        changed[price][700:] *= 3
    before, after = present_values(candles), present_values(changed)
    np.testing.assert_array_equal(before[:700], after[:700])
    assert not np.isnan(before[300:]).any()
    assert (before[700] != after[700]).any()


def test_a_move_is_in_units_of_atr14_and_of_the_root_of_its_candles() -> None:
    candles = _walk(1)
    found = present_values(candles)[500]
    close, atr = candles["c"], Technicals.of(candles).atr14[500]
    expected = [(close[500] - close[500 - by]) / (atr * by**0.5) for by in MOVES]
    np.testing.assert_allclose(found[: len(MOVES)], expected, rtol=1e-5)


def test_the_mirror_moves_the_other_way_with_the_same_volatility_and_trend() -> None:
    here, there = present_values(_walk(2))[300:], present_values(mirror_candles(_walk(2)))[300:]
    np.testing.assert_allclose(there[:, : len(MOVES)], -here[:, : len(MOVES)], atol=0.05)
    np.testing.assert_allclose(there[:, len(MOVES) :], here[:, len(MOVES) :], atol=0.1)


def test_a_flat_market_has_no_values_that_could_harm() -> None:
    candles = _walk(3)
    for price in "ohlc":
        candles[price] = 100.0
    values = present_values(candles)
    assert np.isnan(values[300:, : len(MOVES)]).all()
    assert np.isfinite(values[300:, len(MOVES) :]).all()


def test_batches_hold_the_values_of_their_targets_and_no_others() -> None:
    candles = _walk(4)
    train = Span(400, 700)
    series = LabelledSeries(
        "X.M15",
        np.arange(COUNT, dtype=np.float32)[:, None],
        dict.fromkeys(HEADS, np.zeros(COUNT, np.int8)),
        Splits(train, Span(0, 0), Span(0, 0)),
        candles,
        np.zeros(COUNT),
    )
    seen = 0
    for batch in training_batches([series], 160, 2, np.random.default_rng(0), present=True):
        assert batch.present is not None
        at = batch.rows[..., 0].long().numpy()
        known = (batch.labels["buy"] >= 0).numpy()
        assert batch.present[~torch.from_numpy(known)].isnan().all()
        np.testing.assert_array_equal(batch.present.numpy()[known], present_values(candles)[at[known]])
        seen += int(known.sum())
    assert seen == len(train)
    assert next(training_batches([series], 160, 2, np.random.default_rng(0))).present is None


def test_the_loss_is_that_of_known_values_and_parts_add_up() -> None:
    generator = torch.Generator().manual_seed(0)
    present, read = torch.randn(2, 4, 30, SIZE, generator=generator)
    present[:, ::3] = torch.nan
    whole = present_loss(read, present, present)
    parts = [present_loss(read[part], present[part], present) for part in (slice(0, 1), slice(1, 4))]
    torch.testing.assert_close(sum(parts), whole)
    known = ~present.isnan()
    expected = torch.nn.functional.smooth_l1_loss(read[known], present[known], beta=0.1)
    torch.testing.assert_close(whole, expected)
    assert present_loss(read, torch.full_like(read, torch.nan), present).item() == 0


@pytest.mark.parametrize("reads", [True, False])
def test_what_reads_the_present_leaves_the_answer_alone(model: Natron, reads: bool) -> None:
    rows = torch.randn(2, 40, len(model.centre), generator=torch.Generator().manual_seed(1))
    answer, read = Taught(model, reads).eval()(rows)
    assert read.shape == (2, 40, SIZE if reads else 0)
    torch.testing.assert_close(answer.embedding, model(rows).embedding)
