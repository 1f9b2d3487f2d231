"""OpenVINO on the processor, in float32 or, where the processor multiplies it, bfloat16."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from inference_worker.graph import Arrays, Feed


def capabilities() -> frozenset[str]:
    """What OpenVINO says this processor computes natively: FP32, BF16, INT8 ...; nothing where it is not installed."""
    if find_spec("openvino") is None:
        return frozenset()
    import openvino  # noqa: PLC0415 - an extra: most installations have none

    return frozenset(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


class OpenVinoGraph:
    """One compiled model, one request.

    Parameters
    ----------
    precision
        ``f32`` or ``bf16``: what it computes in, whatever the graph holds.
    """

    def __init__(self, content: bytes, threads: int, precision: str) -> None:
        import openvino  # noqa: PLC0415

        core: Any = openvino.Core()
        settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        self._request: Any = core.compile_model(core.read_model(model=content), "CPU", settings).create_infer_request()

    def run(self, outputs: Sequence[str], feed: Feed) -> Arrays:
        """Compute the named outputs."""
        self._request.infer(dict(feed), share_inputs=True)
        return [np.array(self._request.get_tensor(name).data) for name in outputs]
