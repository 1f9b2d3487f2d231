"""What can run a graph: onnxruntime on the processor or a GPU, OpenVINO where it is installed."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shared.errors import BundleError

Arrays = list[NDArray[np.float32]]


class Graph(Protocol):
    """A graph that is loaded."""

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[np.generic]]) -> Arrays:
        """Compute the named outputs."""
        ...


class _OnnxGraph:
    """onnxruntime; what a provider cannot do falls to the processor."""

    def __init__(self, content: bytes, threads: int, providers: Sequence[str]) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        # A spinning thread would take the core that the broker needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = ort.InferenceSession(content, options, providers=list(providers))
        if providers[0] not in self._session.get_providers():
            raise RuntimeError(f"{providers[0]} does not start on this machine")

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[np.generic]]) -> Arrays:
        found: Arrays = self._session.run(list(outputs), dict(feed))
        return found


class _OpenVinoGraph:
    """OpenVINO on the processor, in float32: less does not give the golden answers."""

    def __init__(self, content: bytes, threads: int) -> None:
        import openvino  # noqa: PLC0415 - an extra: most installations have none

        core: Any = openvino.Core()
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        self._request: Any = core.compile_model(core.read_model(model=content), "CPU", settings).create_infer_request()

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[np.generic]]) -> Arrays:
        self._request.infer(dict(feed), share_inputs=True)
        return [np.array(self._request.get_tensor(name).data) for name in outputs]


_PROVIDERS = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"),
}
OPENVINO = "openvino"

Open = Callable[[bytes, int], Graph]


def runtimes() -> dict[str, Open]:
    """Runtimes that are installed here, and how each opens a graph with so many threads; ``cpu`` is first."""
    installed = set(ort.get_available_providers())
    found: dict[str, Open] = {
        name: lambda content, threads, providers=providers: _OnnxGraph(content, threads, providers)  # type: ignore[misc]
        for name, providers in _PROVIDERS.items()
        if providers[0] in installed
    }
    if find_spec("openvino"):
        found[OPENVINO] = _OpenVinoGraph
    return found


def open_graph(runtime: str, content: bytes, threads: int) -> Graph:
    """Open a graph.

    Raises
    ------
    BundleError
        The runtime is not installed, or the graph does not load in it.
    """
    known = runtimes()
    if runtime not in known:
        raise BundleError(f"runtime {runtime}: is not installed here; there are {', '.join(known)}")
    try:
        return known[runtime](content, threads)
    except Exception as error:  # noqa: BLE001 - no runtime has an error class of its own
        raise BundleError(f"the graph does not load in runtime {runtime}: {error}") from None
