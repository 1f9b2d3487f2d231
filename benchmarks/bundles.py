"""Bundles that nobody trained: for speed, what the weights are does not matter, how many there are does."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import BUNDLE_SCHEMA, GRAPH_NAME, HEADS, Manifest, write_manifest
from inference_worker.records import FeatureSetRecord, GoldenRecord, ScalerRecord, Tensor
from shared.contracts import WINDOW
from trainer.attention import ATTENTION_WINDOWS, POOL_WINDOW
from trainer.export import cache_records, export_graph, golden_outputs
from trainer.model import PRESETS, Natron


def write_untrained_bundle(folder: Path, preset: str) -> Path:
    """Write a bundle of a preset with random weights into ``folder`` and return it."""
    torch.manual_seed(0)
    model = Natron(FEATURE_SET.size, PRESETS[preset], names=FEATURE_SET.names).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                torch.nn.init.normal_(weight, std=0.5 * weight.shape[1] ** -0.5)
    graph = export_graph(model)
    windows = np.random.default_rng(0).normal(size=(2, WINDOW, FEATURE_SET.size)).astype(np.float32)
    golden = golden_outputs(model, graph, windows)
    folder.mkdir(parents=True)
    (folder / GRAPH_NAME).write_bytes(graph)
    write_manifest(folder, _manifest(folder.name, preset, model, graph, windows, golden))
    return folder


def _manifest(
    name: str, preset: str, model: Natron, graph: bytes, windows: np.ndarray, golden: dict[str, np.ndarray]
) -> Manifest:
    return Manifest(
        schema_version=BUNDLE_SCHEMA,
        id=name,
        feature_set=FeatureSetRecord(hash=FEATURE_SET.hash, names=FEATURE_SET.names, lookback=FEATURE_SET.lookback),
        preset=preset,
        parameters=model.parameter_count,
        attention_windows=ATTENTION_WINDOWS,
        pool_window=POOL_WINDOW,
        caches=cache_records(model.width),
        heads=tuple(HEADS),
        labels={},
        temperatures={},
        scaler=ScalerRecord(centre=tuple(model.centre.tolist()), scale=tuple(model.scale.tolist()), clip=model.clip),
        costs={},
        data=(),
        splits=(),
        seed=0,
        training={},
        code_version="untrained",
        metrics=(),
        test_split_reads=0,
        files={GRAPH_NAME: hashlib.sha256(graph).hexdigest()},
        golden=GoldenRecord(
            rows=Tensor.of(windows), outputs={head: Tensor.of(values) for head, values in golden.items()}
        ),
    )
