"""Smaller graphs say nearly the same, or are refused; their drift is measured where it is said to be."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from inference_worker.bundle import HEADS
from shared.errors import TrainingError
from trainer import variants
from trainer.export import cache_records
from trainer.model import Natron
from trainer.variants import check_kinds, make_variant


@pytest.fixture(scope="module")
def rows(model: Natron) -> NDArray[np.float32]:
    return np.random.default_rng(8).normal(size=(2, 500, len(model.centre))).astype(np.float32)


@pytest.mark.parametrize("kind", ["int8", "bf16"])
def test_a_variant_is_smaller_and_says_how_far_it_is_from_the_graph(
    kind: str, model: Natron, graph: bytes, rows: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "AGREEMENT_MIN", 0.5)  # the weights of this model are noise, and so are its answers
    record, made = make_variant(kind, graph, cache_records(model.width), rows)
    assert len(made) < 0.6 * len(graph)
    assert set(record.agreement) == set(record.drift) == set(HEADS)
    assert record.candles == 2 * (500 - 95)
    assert all(0 < drift < 0.5 for drift in record.drift.values())
    onnx.checker.check_model(onnx.load_from_string(made))
    assert b"/" + b"tmp" not in made


def test_the_graph_itself_would_agree_fully(model: Natron, graph: bytes, rows: NDArray[np.float32]) -> None:
    caches = cache_records(model.width)
    once, again = variants._run(graph, caches, rows), variants._run(graph, caches, rows[:, :, :].copy())
    assert all((once[head] == again[head]).all() for head in HEADS)


def test_a_variant_that_names_other_classes_is_refused(
    model: Natron, graph: bytes, rows: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "_round_bf16", lambda wide: np.zeros(wide.shape, np.uint16))
    with pytest.raises(TrainingError, match=r"bf16.*names the same class of"):
        make_variant("bf16", graph, cache_records(model.width), rows)


def test_bfloat16_is_rounded_to_nearest() -> None:
    import torch

    values = np.random.default_rng(1).normal(size=1_000).astype(np.float32)
    expected = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    np.testing.assert_array_equal(variants._round_bf16(values), expected)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(TrainingError, match="fp4"):
        check_kinds(["int8", "fp4"])
