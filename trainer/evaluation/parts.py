"""Parts of an evaluation kept on disk, so that one that was cut off goes on and a second one is quick.

A part's name is the hash of everything it is a function of: arrays, settings, and the sources that computed it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.chunks import LabelledSeries
from trainer.histories import Lesson

Arrays = dict[str, NDArray[np.generic]]


class Parts:
    """A folder of computed parts, each a ``.npz`` of plain arrays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str, compute: Callable[[], Arrays]) -> Arrays:
        """What ``compute`` gave when it was first asked for under this key."""
        path = self.folder / f"{key}.npz"
        if path.exists():
            with np.load(path, allow_pickle=False) as kept:
                return dict(kept)
        found = compute()
        self.folder.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}.part")
        with half.open("wb") as file:
            np.savez(file, **found)  # type: ignore[arg-type]
        half.replace(path)  # whole, or not at all
        return found


def digest_of(lesson: Lesson) -> str:
    """Hash of everything a learner can see of a lesson."""
    digest = hashlib.sha256()
    for one in lesson.series:
        digest.update(repr((one.key, one.splits)).encode())
        for array in _arrays(one):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def part_key(kind: str, facts: Mapping[str, object], sources: tuple[Path, ...]) -> str:
    """Name of a part: its kind, and a hash of its facts (JSON) and of the files that compute it."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for path in sources:
        digest.update(path.read_bytes())
    return f"{kind}-{digest.hexdigest()[:24]}"


def _arrays(series: LabelledSeries) -> list[NDArray[np.generic]]:
    return [series.rows, *(series.labels[head] for head in sorted(series.labels))]
