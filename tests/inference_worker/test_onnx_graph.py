"""A graph on a device: whatever the size of a batch, the answers are those of the graph itself."""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
import pytest
from structlog.testing import capture_logs

from inference_worker import onnx_graph
from inference_worker.bundle import Bundle
from inference_worker.graph import Feed
from inference_worker.onnx_graph import BUCKETS, DeviceGraph, OnnxGraph, Provider, open_onnx

CPU = ["CPUExecutionProvider"]
CUDA = "CUDAExecutionProvider"


def feed(bundle: Bundle, series: int, length: int, seed: int = 0) -> Feed:
    random, manifest = np.random.default_rng(seed), bundle.manifest
    caches = {
        one.name: random.normal(size=(series, one.length, one.width)).astype(np.float32) for one in manifest.caches
    }
    rows = random.normal(size=(series, length, len(manifest.feature_set.names))).astype(np.float32)
    return {"rows": rows, "age": random.integers(0, 97, series), **caches}


def outputs(bundle: Bundle) -> list[str]:
    return [*bundle.manifest.heads, *(one.entry for one in bundle.manifest.caches)]


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest, bundle: Bundle) -> DeviceGraph:
    """The processor bound as a device is, and a GPU where there is one."""
    if request.param == "cpu":
        return DeviceGraph(bundle.graph, 1, CPU, "cpu")
    if CUDA not in ort.get_available_providers():
        pytest.skip("onnxruntime has no CUDA here, or this machine has no GPU")
    return DeviceGraph(bundle.graph, 1, [(CUDA, {"use_tf32": "0"}), *CPU], "cuda", "enable_cuda_graph")


def test_a_device_answers_as_the_processor_does_for_every_size_of_batch(bundle: Bundle, device: DeviceGraph) -> None:
    plain, names = OnnxGraph(bundle.graph, 1, CPU), outputs(bundle)
    shapes = [(size, 1) for size in (1, 2, 3, 5, 64, 7, 65, 3, 1)] + [(1, 96), (4, 8), (3, 1)]
    kept = []
    for seed, (series, length) in enumerate(shapes):
        given = feed(bundle, series, length, seed)
        found, expected = device.run(names, given), plain.run(names, given)
        kept.append((found, expected))
    for found, expected in kept:  # of before too: no run may write into an answer of an earlier one
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


def test_memory_is_bound_once_a_bucket(bundle: Bundle, device: DeviceGraph) -> None:
    for series in range(1, 65):
        device.run(["buy"], feed(bundle, series, 1))
    assert len(device._bound) == len(BUCKETS)


def test_a_graph_that_cannot_be_recorded_does_without(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(content: bytes, threads: int, providers: Sequence[Provider]) -> ort.InferenceSession:
        if any(not isinstance(one, str) and "record" in one[1] for one in providers):
            raise RuntimeError("not all nodes are on the device")
        return open_onnx(content, threads, providers)

    monkeypatch.setattr(onnx_graph, "open_onnx", refusing)
    with capture_logs() as logs:
        graph = DeviceGraph(bundle.graph, 1, CPU, "cpu", "record")
    assert [(one["event"], one["log_level"]) for one in logs] == [("graph_not_recorded", "warning")]
    assert graph.run(["buy"], feed(bundle, 2, 1))[0].shape == (2, 1)
