"""Law 7 through onnxruntime: a window, a step, a backlog and one training call give the same answer."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS
from shared.contracts import WINDOW
from shared.errors import BundleError
from trainer.export import cache_records, export_graph, golden_outputs, probabilities
from trainer.model import PRESETS, Natron

TOLERANCE = 1e-5
STREAM = 260  # rows

Arrays = dict[str, NDArray[np.float32]]
Call = Callable[[NDArray[np.float32], NDArray[np.int64], Arrays], Arrays]


@pytest.fixture(scope="module")
def call(graph: bytes) -> Call:
    """Run the graph once: rows, age and caches in, every output by name."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(rows: NDArray[np.float32], age: NDArray[np.int64], caches: Arrays) -> Arrays:
        return dict(zip(names, session.run(names, {"rows": rows, "age": age, **caches}), strict=True))

    return run


@pytest.fixture(scope="module")
def rows(model: Natron) -> NDArray[np.float32]:
    return np.random.default_rng(5).normal(size=(1, STREAM, len(model.centre))).astype(np.float32)


@pytest.fixture(scope="module")
def taught(model: Natron, rows: NDArray[np.float32]) -> Arrays:
    """One torch call over the whole stream."""
    with torch.no_grad():
        parts = probabilities(model(torch.from_numpy(rows)).logits)
    return {head: part.numpy() for head, part in zip(HEADS, parts, strict=True)}


def _empty(model: Natron, batch: int, fill: float = 0.0) -> Arrays:
    return {
        cache.name: np.full((batch, cache.length, cache.width), fill, np.float32)
        for cache in cache_records(model.width)
    }


def _stream(call: Call, model: Natron, rows: NDArray[np.float32], lengths: Sequence[int]) -> Arrays:
    """Feed (1, N, F) in calls of these lengths, caches kept between them; head -> (1, N, ...)."""
    caches, at, parts = _empty(model, 1), 0, {head: [] for head in HEADS}
    for length in lengths:
        out = call(rows[:, at : at + length], np.array([at]), caches)
        for cache in cache_records(model.width):
            caches[cache.name] = np.concatenate([caches[cache.name], out[cache.entry]], 1)[:, -cache.length :]
        for head in HEADS:
            parts[head].append(out[head])
        at += length
    return {head: np.concatenate(found, 1) for head, found in parts.items()}


def _assert_equal(found: Arrays, expected: Arrays, what: slice) -> None:
    for head in HEADS:
        np.testing.assert_allclose(found[head][:, what], expected[head][:, what], rtol=0, atol=TOLERANCE)


def test_a_stream_of_single_steps_equals_one_torch_call(
    call: Call, model: Natron, rows: NDArray[np.float32], taught: Arrays
) -> None:
    _assert_equal(_stream(call, model, rows, [1] * STREAM), taught, slice(None))


@settings(max_examples=25)
@given(data=st.data())
def test_any_cutting_into_calls_equals_one_torch_call(
    call: Call, model: Natron, rows: NDArray[np.float32], taught: Arrays, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, STREAM - 1), max_size=12)))
    lengths = np.diff([0, *cuts, STREAM]).tolist()
    _assert_equal(_stream(call, model, rows, lengths), taught, slice(None))


def test_a_window_with_empty_caches_equals_the_stream_at_its_last_candle(
    call: Call, model: Natron, rows: NDArray[np.float32], taught: Arrays
) -> None:
    ends = np.arange(WINDOW, STREAM + 1, 7)
    windows = np.concatenate([rows[:, end - WINDOW : end] for end in ends])
    out = call(windows, np.zeros(len(ends), np.int64), _empty(model, len(ends)))
    for head in HEADS:
        np.testing.assert_allclose(out[head][:, -1], taught[head][0, ends - 1], rtol=0, atol=TOLERANCE)


def test_cache_slots_beyond_the_age_are_never_seen(call: Call, model: Natron, rows: NDArray[np.float32]) -> None:
    age = np.zeros(1, np.int64)
    clean = call(rows[:, :5], age, _empty(model, 1))
    dirty = call(rows[:, :5], age, _empty(model, 1, fill=3.0))
    _assert_equal(dirty, clean, slice(None))
    aged = call(rows[:, :5], age + 2, _empty(model, 1, fill=3.0))
    assert np.abs(aged["regime"] - clean["regime"]).max() > 100 * TOLERANCE


def test_series_of_different_ages_share_a_batch(
    call: Call, model: Natron, rows: NDArray[np.float32], taught: Arrays
) -> None:
    ages = np.array([0, 3, 40, 95, 200])
    caches = _empty(model, len(ages))
    for index, age in enumerate(ages):
        if age:
            out = call(rows[:, :age], np.zeros(1, np.int64), _empty(model, 1))
            for cache in cache_records(model.width):
                kept = out[cache.entry][0, -cache.length :]
                caches[cache.name][index, cache.length - len(kept) :] = kept
    out = call(np.stack([rows[0, age : age + 4] for age in ages]), ages, caches)
    for head in HEADS:
        expected = np.stack([taught[head][0, age : age + 4] for age in ages])
        np.testing.assert_allclose(out[head], expected, rtol=0, atol=TOLERANCE)


def test_padding_on_the_right_changes_nothing_before_it(call: Call, model: Natron, rows: NDArray[np.float32]) -> None:
    age, caches = np.zeros(1, np.int64), _empty(model, 1)
    plain = call(rows[:, :20], age, caches)
    padded = call(np.concatenate([rows[:, :20], np.full_like(rows[:, :9], 1e6)], 1), age, caches)
    for name, values in plain.items():
        np.testing.assert_allclose(padded[name][:, :20], values, rtol=0, atol=TOLERANCE)


def test_probabilities_of_extreme_rows_stay_finite_and_sum_to_one(call: Call, model: Natron) -> None:
    rows = np.full((1, 3, len(model.centre)), 3e38, np.float32)
    out = call(rows, np.zeros(1, np.int64), _empty(model, 1))
    for head in ("direction", "regime"):
        np.testing.assert_allclose(out[head].sum(-1), 1, atol=1e-6)
    assert all(((out[head] >= 0) & (out[head] <= 1)).all() for head in HEADS)


def test_equal_models_are_equal_bytes_without_a_path_of_the_machine(model: Natron, graph: bytes) -> None:
    assert export_graph(model) == graph
    assert str(Path(__file__).parents[2]).encode() not in graph
    assert b".py" not in graph


def test_a_graph_that_says_something_else_is_refused(model: Natron, graph: bytes) -> None:
    other = Natron(len(model.centre), PRESETS["tiny"], names=FEATURE_SET.names).eval()
    windows = np.random.default_rng(6).normal(size=(2, WINDOW, len(model.centre))).astype(np.float32)
    assert golden_outputs(model, graph, windows)["regime"].shape == (2, 6)
    with pytest.raises(BundleError, match="buy differs"):
        golden_outputs(other, graph, windows)
