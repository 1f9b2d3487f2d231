"""The model's training form: shapes, sizes, and what a candle's answer depends on."""

import math

import pytest
import torch

import trainer.model
from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS
from shared.contracts import WINDOW
from shared.errors import TrainingError
from trainer.attention import ATTENTION_HEADS, BLOCK, attend_banded
from trainer.export import export_graph
from trainer.model import PRESETS, Natron


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
    torch.testing.assert_close(attend_banded(query, key, value, window), expected, rtol=1e-5, atol=1e-6)


def test_an_answer_depends_on_its_last_96_rows_and_on_no_other(model: Natron) -> None:
    # In float64, as the oldest of the 96 reaches the answer only through every block in turn.
    exact = Natron(len(model.centre), PRESETS["tiny"], names=FEATURE_SET.names)
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


@pytest.fixture(scope="module")
def full() -> Natron:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        found = Natron(6, PRESETS["tiny"], attention="full")
        for weight in found.parameters():
            torch.nn.init.normal_(weight, std=0.2)
    return found.eval()


def test_full_attention_answers_every_candle_from_its_own_window(full: Natron, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.randn(2, 130, 6, generator=torch.Generator().manual_seed(5))
    together = full(rows).logits
    monkeypatch.setattr(trainer.model, "WINDOWS_A_CALL", 7)
    with torch.no_grad():
        cut = full(rows).logits
    for head in HEADS:
        torch.testing.assert_close(cut[head], together[head], rtol=0, atol=1e-5)
        for at in (95, 110, 129):
            alone = full(rows[:, at - 95 : at + 1]).logits[head][:, -1]
            torch.testing.assert_close(together[head][:, at], alone, rtol=0, atol=1e-5)


def test_full_attention_sees_all_of_a_window_from_its_first_row_on(full: Natron) -> None:
    rows = torch.randn(1, 200, 6, generator=torch.Generator().manual_seed(6)).requires_grad_()
    full(rows).logits["regime"][0, 150, 0].backward()
    assert rows.grad is not None
    assert rows.grad[0].abs().sum(1).nonzero().flatten().tolist() == list(range(55, 151))


def test_full_attention_has_no_step_and_says_so(full: Natron) -> None:
    with pytest.raises(TrainingError, match="no step to export"):
        export_graph(full)


def test_dropout_is_at_work_while_training_only() -> None:
    wild = Natron(5, PRESETS["tiny"], dropout=0.5)
    with torch.no_grad():
        for weight in wild.parameters():
            torch.nn.init.normal_(weight, std=0.2)
        rows = torch.randn(1, 64, 5)
        assert not torch.equal(wild(rows).embedding, wild(rows).embedding)
        wild.eval()
        torch.testing.assert_close(wild(rows).embedding, wild(rows).embedding, rtol=0, atol=0)


def test_an_untrained_model_holds_every_class_equally_likely() -> None:
    fresh = Natron(5, PRESETS["tiny"])
    with torch.no_grad():
        assert all(part.abs().max() == 0 for part in fresh(torch.randn(1, 64, 5)).logits.values())
