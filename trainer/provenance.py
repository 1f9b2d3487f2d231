"""What a run's result depends on, in a form that can be compared and written down."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import feature_service
import shared
import trainer
from feature_service.feature_set import FEATURE_SET
from shared.settings.groups import Settings
from shared.settings.loading import leaves
from trainer.histories import Lesson
from trainer.machine import Machine

_GROUPS = {"data", "features", "labels", "model", "training", "optimization"}  # of the settings
_LIBRARIES = ("natron", "numpy", "numba", "onnx", "onnxruntime", "safetensors", "torch")


def flat_settings(settings: Settings) -> dict[str, float | int | str]:
    """Name each setting that a run depends on ``group.key``."""
    values = {".".join(path): _value(settings, path) for path in leaves() if path[0] in _GROUPS}
    return dict(sorted(values.items()))


def _value(settings: Settings, path: tuple[str, ...]) -> float | int | str:
    value: Any = settings
    for name in path:
        value = getattr(value, name)
    found: float | int | str = value
    return found


def code_version() -> str:
    """Name the sources that made a bundle, committed or not, and the library that trained it."""
    digest = hashlib.sha256()
    for package in (shared, feature_service, trainer):
        assert package.__file__
        folder = Path(package.__file__).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return f"source {digest.hexdigest()[:12]}, torch {torch.__version__}"


def run_identity(lesson: Lesson, settings: Settings, seed: int, machine: Machine) -> dict[str, Any]:
    """Everything that the result of a run depends on."""
    return {
        "settings": {**flat_settings(settings), "training.seed": seed},
        "code": code_version(),
        "feature_set": FEATURE_SET.hash,
        "data": {one.key: _digest(lesson, index) for index, one in enumerate(lesson.series)},
        "libraries": {name: version(name) for name in _LIBRARIES},
        "python": platform.python_version(),
        "device": machine.device.type,
        "bfloat16": machine.amp,
        "processes": machine.world,
    }


def _digest(lesson: Lesson, index: int) -> str:
    """Sha256 of a series' rows, labels and splits."""
    one = lesson.series[index]
    digest = hashlib.sha256(repr(one.splits).encode())
    digest.update(np.ascontiguousarray(one.rows).data)
    for head in sorted(one.labels):
        digest.update(np.ascontiguousarray(one.labels[head]).data)
    return digest.hexdigest()
