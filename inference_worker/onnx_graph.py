"""onnxruntime: on the processor, or on a device with everything bound there once for every size of batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
import structlog
from numpy.typing import NDArray

from inference_worker.graph import Arrays, Feed

Provider = str | tuple[str, dict[str, str]]

BUCKETS = (1, 2, 4, 8, 16, 32, 64)
"""Sizes that batches of single candles are padded to on a device: each is bound, and recorded, once."""
_UNRECORDED = "-1"

_log = structlog.get_logger()


def open_onnx(content: bytes, threads: int, providers: Sequence[Provider]) -> ort.InferenceSession:
    """Load a graph; what a provider cannot do falls to the next one.

    Raises
    ------
    RuntimeError
        The first provider does not start on this machine.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A spinning thread would take the core that the broker needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    session = ort.InferenceSession(content, options, providers=list(providers))
    first = providers[0] if isinstance(providers[0], str) else providers[0][0]
    if first not in session.get_providers():
        raise RuntimeError(f"{first} does not start on this machine")
    return session


class OnnxGraph:
    """On the processor, from and into the caller's memory."""

    def __init__(self, content: bytes, threads: int, providers: Sequence[Provider]) -> None:
        self._session = open_onnx(content, threads, providers)

    def run(self, outputs: Sequence[str], feed: Feed) -> Arrays:
        """Compute the named outputs."""
        found: Arrays = self._session.run(list(outputs), dict(feed))
        return found


class DeviceGraph:
    """On a device. Single candles, what a live signal waits for, go through memory there that is bound once a bucket.

    With recording, a bucket's kernels are recorded at its first run and launched as one from then on (CUDA graphs). A
    graph that cannot be recorded, because a part of it runs on the processor, does without.

    Parameters
    ----------
    device
        ``cuda``; ``cpu`` binds the processor's own memory, which is how this is tested without a GPU.
    recorded
        The provider's option that records, or None.
    """

    def __init__(
        self, content: bytes, threads: int, providers: Sequence[Provider], device: str, recorded: str | None = None
    ) -> None:
        self._device, self._recorded = device, recorded is not None
        self._session = self._open(content, threads, providers, recorded)
        self._shapes = {one.name: tuple(one.shape[2:]) for one in self._session.get_outputs()}  # after (B, T)
        self._bound: dict[tuple[int, tuple[str, ...]], _Bucket] = {}

    def _open(
        self, content: bytes, threads: int, providers: Sequence[Provider], recorded: str | None
    ) -> ort.InferenceSession:
        if recorded is not None:
            first = providers[0] if isinstance(providers[0], tuple) else (providers[0], {})
            try:
                return open_onnx(content, threads, [(first[0], first[1] | {recorded: "1"}), *providers[1:]])
            except Exception as error:  # noqa: BLE001 - onnxruntime has no error class of its own
                _log.warning("graph_not_recorded", provider=first[0], error=str(error)[:200])
                self._recorded = False
        return open_onnx(content, threads, providers)

    def run(self, outputs: Sequence[str], feed: Feed) -> Arrays:
        """Compute the named outputs."""
        series, length = feed["rows"].shape[:2]
        if length > 1 or series > BUCKETS[-1]:
            found: Arrays = self._session.run(list(outputs), dict(feed), _options(_UNRECORDED, on=self._recorded))
            return found
        size = next(bucket for bucket in BUCKETS if bucket >= series)
        key = (size, tuple(outputs))
        if key not in self._bound:
            options = _options(str(len(self._bound) + 1), on=self._recorded)
            self._bound[key] = _Bucket(self._session, self._device, size, self._shapes, outputs, feed, options)
        return self._bound[key].run(series, feed)


class _Bucket:
    """Inputs and outputs of one size of batch, where the device has them."""

    def __init__(
        self,
        session: ort.InferenceSession,
        device: str,
        size: int,
        shapes: dict[str, tuple[int, ...]],
        outputs: Sequence[str],
        feed: Feed,
        options: ort.RunOptions,
    ) -> None:
        self._session, self._options = session, options
        self._staged = {name: np.zeros((size, *values.shape[1:]), values.dtype) for name, values in feed.items()}
        self._inputs = {name: ort.OrtValue.ortvalue_from_numpy(one, device, 0) for name, one in self._staged.items()}
        self._outputs = [
            ort.OrtValue.ortvalue_from_shape_and_type((size, 1, *shapes[name]), np.float32, device, 0)
            for name in outputs
        ]
        self._binding: Any = session.io_binding()
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        for name, value in zip(outputs, self._outputs, strict=True):
            self._binding.bind_ortvalue_output(name, value)

    def run(self, series: int, feed: Feed) -> Arrays:
        for name, values in feed.items():
            self._staged[name][:series] = values
            self._inputs[name].update_inplace(self._staged[name])
        self._session.run_with_iobinding(self._binding, self._options)
        return [_copied(value, series) for value in self._outputs]


def _copied(value: ort.OrtValue, series: int) -> NDArray[np.float32]:
    """The first series' values, in memory that the next run leaves alone."""
    return np.array(value.numpy()[:series])


def _options(recording: str, *, on: bool) -> ort.RunOptions:
    options = ort.RunOptions()
    if on:
        options.add_run_config_entry("gpu_graph_id", recording)
    return options
