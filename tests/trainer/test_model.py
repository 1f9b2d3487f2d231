"""The model's training form: shapes, sizes, and what a candle's answer depends on."""

import math

import pytest
import torch

from inference_worker.bundle import HEADS
from shared.contracts import WINDOW
from trainer.model import ATTENTION_HEADS, BLOCK, PRESETS, Natron, _banded


@pytest.mark.parametrize(("preset", "millions"), [("tiny", 0.3), ("small", 1.5), ("base", 4.8)])
def test_presets_have_the_sizes_that_the_design_names(preset: str, millions: float) -> None:
    assert Natron(98, PRESETS[preset]).parameter_count / 1e6 == pytest.approx(millions, rel=0.05)


@pytest.mark.parametrize("length", [1, BLOCK, 96, 131])
def test_every_candle_of_a_chunk_gets_every_head(model: Natron, length: int) -> None:
    answer = model(torch.randn(2, length, len(model.centre)))
    widths = [() if len(classes) == 2 else (len(classes),) for classes in HEADS.values()]
    assert list(answer.logits) == list(HEADS)
    assert [tuple(part.shape) for part in answer.logits.values()] == [(2, length, *width) for width in widths]
    assert answer.embedding.shape == (2, length, model.width)


@pytest.mark.parametrize("window", [8, 15, 33])
def test_banded_attention_equals_attention_with_a_full_mask(window: int) -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 3 * BLOCK, 64, generator=generator)

    def heads(x: torch.Tensor) -> torch.Tensor:
        return x.view(2, -1, ATTENTION_HEADS, 64 // ATTENTION_HEADS).transpose(1, 2)

    lag = torch.arange(3 * BLOCK)[:, None] - torch.arange(3 * BLOCK)
    scores = heads(query) @ heads(key).transpose(-1, -2) / math.sqrt(64 / ATTENTION_HEADS)
    scores = scores.masked_fill((lag < 0) | (lag >= window), -math.inf)
    expected = (scores.softmax(-1) @ heads(value)).transpose(1, 2).flatten(2)
    torch.testing.assert_close(_banded(query, key, value, window), expected, rtol=1e-5, atol=1e-6)


def test_an_answer_depends_on_its_last_96_rows_and_on_no_other(model: Natron) -> None:
    # In float64, as the oldest of the 96 reaches the answer only through every block in turn.
    exact = Natron(len(model.centre), PRESETS["tiny"])
    exact.load_state_dict(model.state_dict())
    exact = exact.double().eval()
    at = 150
    rows = torch.randn(
        1, 200, len(model.centre), dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    ).requires_grad_()
    exact(rows).logits["regime"][0, at, 0].backward()
    assert rows.grad is not None
    reached = rows.grad[0].abs().sum(1).nonzero().flatten()
    assert reached.tolist() == list(range(at - WINDOW + 1, at + 1))


def test_rows_before_the_window_change_no_bit_that_matters(model: Natron) -> None:
    rows = torch.randn(1, 240, len(model.centre), generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        long, short = model(rows).logits, model(rows[:, -WINDOW:]).logits
    for head in HEADS:
        torch.testing.assert_close(long[head][:, -1], short[head][:, -1], rtol=0, atol=2e-5)


def test_an_untrained_model_holds_every_class_equally_likely() -> None:
    fresh = Natron(5, PRESETS["tiny"])
    with torch.no_grad():
        assert all(part.abs().max() == 0 for part in fresh(torch.randn(1, 64, 5)).logits.values())
