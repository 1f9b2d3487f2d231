"""The one exported graph: raw rows and caches in, probabilities and cache entries out."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference_worker.bundle import EMBEDDING, HEADS, POOL_CACHE
from inference_worker.records import CacheRecord
from shared.contracts import WINDOW, Rows
from shared.errors import BundleError
from trainer.attention import ATTENTION_WINDOWS, POOL_WINDOW
from trainer.model import Natron

OPSET = 23  # the first with Attention and RotaryEmbedding as single nodes: one token is half as long under way
PARITY = 1e-5  # law 7, of probabilities

Probabilities = dict[str, NDArray[np.float32]]


def cache_records(width: int) -> tuple[CacheRecord, ...]:
    """List the caches of a model of ``width`` channels, in the order of the graph's inputs."""
    keys_and_values = [
        CacheRecord(name=f"cache_{layer}", length=window - 1, width=2 * width)
        for layer, window in enumerate(ATTENTION_WINDOWS)
    ]
    return (*keys_and_values, CacheRecord(name=POOL_CACHE, length=POOL_WINDOW - 1, width=width))


def probabilities(logits: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """``HEADS`` in order: sigmoid of the binary heads (B, T), softmax of the others (B, T, classes)."""
    return tuple(
        torch.sigmoid(logits[head]) if len(classes) == 2 else torch.softmax(logits[head], -1)
        for head, classes in HEADS.items()
    )


class _Step(nn.Module):
    """What is exported, under the names of the graph's inputs."""

    def __init__(self, model: Natron) -> None:
        super().__init__()
        self.model = model

    def forward(self, rows: Tensor, age: Tensor, caches: list[Tensor]) -> tuple[Tensor, ...]:
        answer, entries = self.model.step(rows, age, caches)
        return (*probabilities(answer.logits), answer.embedding, *entries)


def export_graph(model: Natron) -> bytes:
    """Serialise ``model.step`` as ONNX, float32, with dynamic B and T; TrainingError where the model has none."""
    model.check_streams()
    model.eval()
    caches = cache_records(model.width)
    batch, length = 2, 3  # any that are not 1, which the exporter would take for fixed
    example = (
        torch.zeros(batch, length, len(model.centre)),
        torch.zeros(batch, dtype=torch.int64),
        [torch.zeros(batch, cache.length, cache.width) for cache in caches],
    )
    with quiet_exporter():
        program = torch.onnx.export(
            _Step(model),
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=["rows", "age", *(cache.name for cache in caches)],
            output_names=[*HEADS, EMBEDDING, *(cache.entry for cache in caches)],
            dynamic_shapes=({0: "B", 1: "T"}, {0: "B"}, [{0: "B"} for _ in caches]),
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    _strip(graph)
    onnx.checker.check_model(graph)
    data: bytes = graph.SerializeToString(deterministic=True)
    return data


def run_windows(graph: bytes, windows: Rows, caches: tuple[CacheRecord, ...]) -> Probabilities:
    """Run (K, 96, F) windows with empty caches; head -> (K,) or (K, classes) at their last candles."""
    count = len(windows)
    feeds: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {
        "rows": windows,
        "age": np.zeros(count, np.int64),
    }
    feeds |= {cache.name: np.zeros((count, cache.length, cache.width), np.float32) for cache in caches}
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    outputs = session.run(list(HEADS), feeds)
    return {head: values[:, -1] for head, values in zip(HEADS, outputs, strict=True)}


def golden_outputs(model: Natron, graph: bytes, windows: Rows) -> Probabilities:
    """Answer (K, 96, F) windows by the graph, after comparing it with the training form of the model.

    Raises
    ------
    BundleError
        They differ by more than law 7 allows: a fault of the exporter or the runtime.
    """
    assert windows.shape[1] == WINDOW
    found = run_windows(graph, windows, cache_records(model.width))
    with torch.no_grad():
        taught = probabilities(model(torch.tensor(windows)).logits)
    _compare(found, dict(zip(HEADS, (values[:, -1].numpy() for values in taught), strict=True)))
    return found


def _compare(found: Mapping[str, NDArray[np.float32]], taught: Mapping[str, NDArray[np.float32]]) -> None:
    for head in HEADS:
        difference = float(np.abs(found[head] - taught[head]).max())
        if not difference <= PARITY:
            raise BundleError(f"exported {head} differs from the trained model by {difference:.1e}, over {PARITY}")


def _strip(graph: onnx.ModelProto) -> None:
    """Drop the exporter's notes: they hold the machine's paths, and make equal models unequal files."""
    graph.ClearField("metadata_props")
    graph.ClearField("doc_string")
    graph.graph.ClearField("metadata_props")
    graph.graph.ClearField("doc_string")
    graph.graph.ClearField("value_info")
    described = [*graph.graph.node, *graph.graph.input, *graph.graph.output, *graph.graph.initializer]
    for part in described:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Silence exporter and quantiser, which warn of absent libraries, of their own calls, and give advice."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
