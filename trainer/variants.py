"""The exported graph in fewer bits: int8, bfloat16 or half floats, refused where they say something else."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from inference_worker.bundle import HEADS
from inference_worker.records import CacheRecord, VariantRecord
from shared.contracts import Rows
from shared.errors import TrainingError
from trainer.chunks import CONTEXT, LabelledSeries
from trainer.export import Probabilities, quiet_exporter

KINDS = ("int8", "bf16", "fp16")
AGREEMENT_MIN = 0.99  # of the candles at which a variant must name the class that the model names
SAMPLE = 1_000  # candles of each series' validation split that are compared


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise TrainingError where one of ``kinds`` is none."""
    for kind in kinds:
        if kind not in KINDS:
            raise TrainingError("variants", kind, f"must be some of {', '.join(KINDS)}", "leave it out")


def sample_rows(series: Sequence[LabelledSeries]) -> Rows:
    """(K, 95 + T, F) rows that end with the last T validation candles of each of K series."""
    length = min(SAMPLE, *(len(one.splits.validation) for one in series))
    stops = [one.splits.validation.stop for one in series]
    return np.stack([one.rows[stop - length - CONTEXT : stop] for one, stop in zip(series, stops, strict=True)])


def make_variant(kind: str, graph: bytes, caches: Sequence[CacheRecord], rows: Rows) -> tuple[VariantRecord, bytes]:
    """Make a variant of ``graph`` and compare both on ``rows`` (K, 95 + T, F).

    Raises
    ------
    TrainingError
        They name different classes too often.
    """
    made = {"int8": _int8, "bf16": _bf16, "fp16": _fp16}[kind](graph)
    expected, found = _run(graph, caches, rows), _run(made, caches, rows)
    agreement = {head: float((_named(expected[head]) == _named(found[head])).mean()) for head in HEADS}
    drift = {head: float(np.abs(expected[head] - found[head]).max()) for head in HEADS}
    worst = min(agreement, key=agreement.__getitem__)
    if agreement[worst] < AGREEMENT_MIN:
        rule = f"names the same class of {worst} at {agreement[worst]:.2%} of the candles, below {AGREEMENT_MIN:.0%}"
        raise TrainingError("variants", kind, rule, "leave it out")
    candles = expected["buy"].size
    record = VariantRecord.model_validate(
        {"file": f"model.{kind}.onnx", "kind": kind, "candles": candles, "agreement": agreement, "drift": drift}
    )
    return record, made


def _run(graph: bytes, caches: Sequence[CacheRecord], rows: Rows) -> Probabilities:
    """Probabilities at all candles but the first 95 of each series; head -> (K * T, ...)."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    parts: dict[str, list[NDArray[np.float32]]] = {head: [] for head in HEADS}
    for one in rows:
        for start in range(0, len(one) - CONTEXT, 256):  # rotary angles get coarse in longer calls
            feeds: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {
                "rows": one[None, start : start + CONTEXT + 256],
                "age": np.zeros(1, np.int64),
            }
            feeds |= {cache.name: np.zeros((1, cache.length, cache.width), np.float32) for cache in caches}
            for head, values in zip(HEADS, session.run(list(HEADS), feeds), strict=True):
                parts[head].append(values[0, CONTEXT:])
    return {head: np.concatenate(found) for head, found in parts.items()}


def _named(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Class of each candle."""
    found = probabilities.argmax(-1) if probabilities.ndim == 2 else (probabilities >= 0.5).astype(np.int64)
    return np.asarray(found, np.int64)


def _int8(graph: bytes) -> bytes:
    """Weights in int8, a scale a channel; what they are multiplied with is quantised as it comes."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - slow, and seldom asked for

    with tempfile.TemporaryDirectory() as folder, quiet_exporter():
        source, target = Path(folder) / "model.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(graph)
        quantize_dynamic(
            source, target, op_types_to_quantize=["MatMul", "Gemm"], per_channel=True, weight_type=QuantType.QInt8
        )
        return target.read_bytes()


def _fp16(graph: bytes) -> bytes:
    """Everything in half floats but what goes in and comes out: for a GPU."""
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415 - slow, and seldom asked for

    data: bytes = convert_float_to_float16(onnx.load_from_string(graph), keep_io_types=True).SerializeToString(
        deterministic=True
    )
    return data


def _bf16(graph: bytes) -> bytes:
    """Weights in bfloat16, made float32 when the graph is loaded: half the file, the same speed."""
    model = onnx.load_from_string(graph)
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or len(weight.dims) != 2:
            continue
        wide = numpy_helper.to_array(weight)
        name = weight.name
        narrow = helper.make_tensor(
            f"{name}.bf16", TensorProto.BFLOAT16, wide.shape, _round_bf16(wide).tobytes(), raw=True
        )
        weight.CopyFrom(narrow)
        casts.append(helper.make_node("Cast", [f"{name}.bf16"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _round_bf16(wide: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Upper halves of float32, rounded to nearest, ties to even."""
    bits = np.ascontiguousarray(wide, np.float32).view(np.uint32)
    rounded: NDArray[np.uint16] = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return rounded
