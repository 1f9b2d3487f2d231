"""From a trained model to a bundle on disk."""

import hashlib
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

import feature_service
import shared
import trainer
from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import (
    BUNDLE_SCHEMA,
    GRAPH_NAME,
    HEADS,
    MANIFEST_NAME,
    FeatureSetRecord,
    GoldenRecord,
    Manifest,
    ScalerRecord,
    Tensor,
    write_manifest,
)
from shared.contracts import WINDOW, Rows
from shared.errors import TrainingError
from shared.settings.groups import Settings
from shared.settings.loading import leaves
from trainer.export import cache_records, export_graph, golden_outputs
from trainer.histories import History, Lesson
from trainer.model import ATTENTION_WINDOWS, POOL_WINDOW, Natron
from trainer.report import score_test
from trainer.request import TrainingRequest

WEIGHTS_NAME = "weights.safetensors"
_GROUPS = {"data", "features", "labels", "model", "training", "optimization"}  # of the settings, in the manifest
_ID = re.compile(r"[A-Za-z0-9._-]{1,24}")


def check_out(out: Path) -> None:
    """Raise TrainingError where a bundle cannot be written to ``out``; leaves no trace."""
    if not _ID.fullmatch(out.name):
        raise TrainingError(
            "out", str(out), "must end in a bundle id of 1 to 24 of A-Z a-z 0-9 . _ -", "name another folder"
        )
    there = out.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):  # asking for permission is not enough: a folder may take no files
            pass
    except OSError as error:
        rule = f"cannot be written, because of {there}: {error.strerror}"
        raise TrainingError("out", str(out), rule, "name another folder") from None
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST_NAME).exists():
        raise TrainingError("out", str(out), "holds files and is no bundle", "name a new folder")


def write_bundle(
    request: TrainingRequest, histories: Sequence[History], lesson: Lesson, model: Natron, best_epoch: int
) -> Manifest:
    """Export a calibrated model and write its bundle; the manifest comes last, so that half a bundle is never one."""
    files = {GRAPH_NAME: export_graph(model)}
    windows = _golden_windows(lesson)
    golden = golden_outputs(model, files[GRAPH_NAME], windows)
    if request.save_weights:
        files[WEIGHTS_NAME] = save(model.state_dict())
    manifest = Manifest(
        schema_version=BUNDLE_SCHEMA,
        id=request.out.name,
        feature_set=FeatureSetRecord(hash=FEATURE_SET.hash, names=FEATURE_SET.names, lookback=FEATURE_SET.lookback),
        preset=request.settings.model.preset,
        parameters=model.parameter_count,
        attention_windows=ATTENTION_WINDOWS,
        pool_window=POOL_WINDOW,
        caches=cache_records(model.width),
        heads=tuple(HEADS),
        labels=lesson.labels.records(),
        temperatures={head: float(model.temperature[part][0]) for head, part in model.columns.items()},
        scaler=ScalerRecord(
            centre=tuple(model.centre.tolist()),
            scale=tuple((1 / model.scale).tolist()),
            clip=model.clip,
        ),
        costs={},
        data=tuple(one.record for one in histories),
        splits=lesson.splits,
        seed=request.settings.training.seed,
        training={"best_epoch": best_epoch, **_flat_settings(request.settings)},
        code_version=_code_version(),
        metrics=score_test(model, lesson.series, request.settings.labels.horizons),
        test_split_reads=1,
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        golden=GoldenRecord(
            rows=Tensor.of(windows), outputs={head: Tensor.of(values) for head, values in golden.items()}
        ),
    )
    request.out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (request.out / name).write_bytes(content)
    write_manifest(request.out, manifest)
    return manifest


def _golden_windows(lesson: Lesson) -> Rows:
    """(2, 96, F) windows that end at the first and the last test candle of the first series."""
    one = lesson.series[0]
    ends = (one.splits.test.start, one.splits.test.stop - 1)
    return np.stack([one.rows[end - WINDOW + 1 : end + 1] for end in ends])


def _flat_settings(settings: Settings) -> dict[str, float | int | str]:
    """Name each setting that a run depends on ``group.key``."""
    values = {".".join(path): _value(settings, path) for path in leaves() if path[0] in _GROUPS}
    return dict(sorted(values.items()))


def _value(settings: Settings, path: tuple[str, ...]) -> float | int | str:
    value: Any = settings
    for name in path:
        value = getattr(value, name)
    found: float | int | str = value
    return found


def _code_version() -> str:
    """Name the sources that made a bundle, committed or not, and the library that trained it."""
    digest = hashlib.sha256()
    for package in (shared, feature_service, trainer):
        assert package.__file__
        folder = Path(package.__file__).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return f"source {digest.hexdigest()[:12]}, torch {torch.__version__}"
