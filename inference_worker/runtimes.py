"""What can run a bundle: onnxruntime on the processor or a GPU, OpenVINO; in float32, or in fewer bits."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import onnxruntime as ort

from inference_worker.bundle import Bundle, Manifest
from inference_worker.graph import LONGEST, Graph
from inference_worker.onnx_graph import BUCKETS, DeviceGraph, OnnxGraph, Provider
from inference_worker.openvino_graph import OpenVinoGraph, capabilities
from shared.errors import BundleError

Open = Callable[[bytes, int, Manifest], Graph]
CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"


@dataclass(frozen=True)
class Runtime:
    """One way to run a bundle.

    Attributes
    ----------
    open
        Loads a graph to run with so many threads.
    variant
        Kind of the bundle's variant that it loads; None: the graph itself.
    exact
        It computes in float32, and so gives the golden answers.
    """

    open: Open
    variant: str | None = None
    exact: bool = True


def runtimes() -> dict[str, Runtime]:
    """Runtimes that are installed here and that this machine has the hardware for; ``cpu`` is first."""
    installed = set(ort.get_available_providers())
    found = {"cpu": Runtime(_cpu), "cpu-int8": Runtime(_cpu, "int8", exact=False)}
    if CUDA in installed:
        found["cuda"] = Runtime(_cuda)
        found["cuda-fp16"] = Runtime(_cuda, "fp16", exact=False)
    if TENSORRT in installed:
        found["tensorrt"] = Runtime(partial(_tensorrt, half=False))
        found["tensorrt-fp16"] = Runtime(partial(_tensorrt, half=True), exact=False)
    can = capabilities()
    if can:
        found["openvino"] = Runtime(partial(_openvino, precision="f32"))
    if "BF16" in can:
        found["openvino-bf16"] = Runtime(partial(_openvino, precision="bf16"), exact=False)
    if "INT8" in can:
        found["openvino-int8"] = Runtime(partial(_openvino, precision="f32"), "int8", exact=False)
    return found


def open_graph(runtime: str, bundle: Bundle, threads: int) -> Graph:
    """Open a bundle's graph, or the variant that the runtime loads.

    Raises
    ------
    BundleError
        The runtime is not installed, the bundle has no such variant, or the graph does not load.
    """
    known = runtimes()
    if runtime not in known:
        raise BundleError(f"runtime {runtime}: is not installed here; there are {', '.join(known)}")
    one = known[runtime]
    if one.variant is not None and one.variant not in bundle.variants:
        mend = f"`natron export --variants {one.variant}` makes it"
        raise BundleError(f"runtime {runtime}: the bundle has no variant {one.variant}; {mend}")
    content = bundle.graph if one.variant is None else bundle.variants[one.variant]
    try:
        return one.open(content, threads, bundle.manifest)
    except Exception as error:  # noqa: BLE001 - no runtime has an error class of its own
        raise BundleError(f"the graph does not load in runtime {runtime}: {error}") from None


def _cpu(content: bytes, threads: int, _: Manifest) -> Graph:
    return OnnxGraph(content, threads, [CPU])


def _cuda(content: bytes, threads: int, _: Manifest) -> Graph:
    # TF32 would give other answers than were exported.
    return DeviceGraph(content, threads, [(CUDA, {"use_tf32": "0"}), CPU], "cuda", "enable_cuda_graph")


def _tensorrt(content: bytes, threads: int, manifest: Manifest, *, half: bool) -> Graph:
    engines = Path.home() / ".cache" / "natron" / "tensorrt"  # building one takes minutes
    engines.mkdir(parents=True, exist_ok=True)
    options = {
        "trt_fp16_enable": str(half),
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(engines),
        **{f"trt_profile_{name}_shapes": _shapes(manifest, *shape) for name, shape in _PROFILE.items()},
    }
    providers: list[Provider] = [(TENSORRT, options), (CUDA, {"use_tf32": "0"}), CPU]
    return DeviceGraph(content, threads, providers, "cuda", "trt_cuda_graph_enable")


_PROFILE = {"min": (1, 1), "opt": (BUCKETS[-1], 1), "max": (BUCKETS[-1], LONGEST)}
"""(B, T) that TensorRT builds its engine for: without, it would build another one for every new shape."""


def _shapes(manifest: Manifest, series: int, length: int) -> str:
    """``rows:64x1x98,age:64,cache_0:64x7x512,...``."""
    found = [f"rows:{series}x{length}x{len(manifest.feature_set.names)}", f"age:{series}"]
    return ",".join([*found, *(f"{one.name}:{series}x{one.length}x{one.width}" for one in manifest.caches)])


def _openvino(content: bytes, threads: int, _: Manifest, *, precision: str) -> Graph:
    return OpenVinoGraph(content, threads, precision)
