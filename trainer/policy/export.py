"""The policy as the bundle's second graph, and what the manifest says of it."""

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from inference_worker.policy import AGE_MAX, RETURN_MAX, STATE, TOLERANCE
from inference_worker.records import PolicyGoldenRecord, PolicyRecord, Tensor
from shared.errors import BundleError
from trainer.policy.network import PolicyNetwork
from trainer.policy.training import PolicyFitted

POLICY_NAME = "policy.onnx"
OPSET = 17
IR_VERSION = 8  # the one that came with that opset

Array = NDArray[np.float32]


def export_policy(fitted: PolicyFitted) -> bytes:
    """Serialise the acting tower: embedding (N, d) and state (N, 3) in, probabilities (N, 3) of short, flat, long out.

    Raises
    ------
    BundleError
        The graph answers otherwise than the trained network.
    """
    graph = _graph(fitted.network)
    golden = golden_inputs(fitted)
    with torch.no_grad():
        taught = fitted.network(*map(torch.from_numpy, golden)).numpy()
    difference = float(np.abs(_run(graph, *golden) - taught).max())
    if not difference <= TOLERANCE:
        raise BundleError(f"exported policy differs from the trained one by {difference:.1e}, over {TOLERANCE}")
    return graph


def policy_record(fitted: PolicyFitted, graph: bytes) -> PolicyRecord:
    """Describe a policy for the manifest, with golden outputs and what it earned on the validation split."""
    embedding, state = golden_inputs(fitted)
    metrics = {"learned": float(fitted.learned), "beats_threshold_and_flat": float(fitted.beats)}
    for name, found in fitted.earnings.items():
        metrics |= found.figures(name)
    return PolicyRecord(
        file=POLICY_NAME,
        state=STATE,
        horizon=fitted.horizon,
        golden=PolicyGoldenRecord(
            embedding=Tensor.of(embedding),
            state=Tensor.of(state),
            probabilities=Tensor.of(_run(graph, embedding, state)),
        ),
        training=fitted.settings.model_dump(),
        metrics=metrics,
    )


def golden_inputs(fitted: PolicyFitted) -> tuple[Array, Array]:
    """Embeddings of real candles (K, d), and states (K, 3): flat, long and short, up to the limits."""
    embedding = np.ascontiguousarray(fitted.samples[:8])
    states = [(0, 0, 0), (1, 0.25, 0.5), (-1, 0.5, -0.5), (1, 1, -2), (-1, 1, 2), (1, AGE_MAX, RETURN_MAX)]
    chosen = np.array(states, np.float32)[np.arange(len(embedding)) % len(states)]
    return embedding, chosen


def _graph(network: PolicyNetwork) -> bytes:
    """Written node by node: seven layers need no tracing exporter, and the bytes depend on the weights alone."""
    weights = {"mean": network.mean, "scale": network.scale}
    nodes = [
        helper.make_node("Sub", ["embedding", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["clipped"]),
        helper.make_node("Concat", ["clipped", "state"], ["x_0"], axis=1),
    ]
    layers = [layer for layer in network.actor if isinstance(layer, nn.Linear)]
    for at, layer in enumerate(layers):
        weights |= {f"weight_{at}": layer.weight, f"bias_{at}": layer.bias}
        out = "odds" if at == len(layers) - 1 else f"y_{at}"
        nodes.append(helper.make_node("Gemm", [f"x_{at}", f"weight_{at}", f"bias_{at}"], [out], transB=1))
        if out != "odds":
            nodes.append(helper.make_node("Tanh", [out], [f"x_{at + 1}"]))
    nodes.append(helper.make_node("Softmax", ["odds"], ["probabilities"], axis=-1))
    tensors = [
        numpy_helper.from_array(value.detach().numpy().astype(np.float32), name) for name, value in weights.items()
    ]
    bounds = (("low", -5.0), ("high", 5.0))
    tensors += [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in bounds]
    graph = helper.make_graph(
        nodes,
        "policy",
        [_tensor("embedding", len(network.mean)), _tensor("state", len(STATE))],
        [_tensor("probabilities", 3)],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _tensor(name: str, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])


def _run(graph: bytes, embedding: Array, state: Array) -> Array:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found: Array = session.run(None, {"embedding": embedding, "state": state})[0]
    return found
