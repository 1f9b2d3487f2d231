"""Arrays of lessons made before, in a folder: named by all that they are a function of, so that none is ever stale."""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import feature_service
import trainer
from shared.errors import TrainingError
from shared.settings.learning import CacheSettings

ENTRIES_MAX = 64  # the least recently used are deleted beyond it: at most a few GB
_SUFFIX = ".npz"

Arrays = dict[str, NDArray[np.generic]]


class LessonCache:
    """A folder of arrays, safe under concurrent runs: an entry is written aside and put in place whole.

    Parameters
    ----------
    folder
        Made where it is not there.

    Raises
    ------
    TrainingError
        The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):  # asking for permission is not enough
                pass
        except OSError as error:
            raise TrainingError(
                "cache.folder", str(folder), f"cannot be written: {error.strerror}", "name another, or give --no-cache"
            ) from None

    def get(self, key: str) -> Arrays | None:
        """Read an entry; None where there is none, or it is damaged."""
        path = self._path(key)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
            path.touch()
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return arrays

    def put(self, key: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Write an entry, and delete the least recently used ones beyond ``ENTRIES_MAX``."""
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            Path(name).replace(self._path(key))
        finally:
            Path(name).unlink(missing_ok=True)
        self._prune()

    def _prune(self) -> None:
        used = []
        for path in self._folder.glob("*" + _SUFFIX):
            try:
                used.append((path.stat().st_mtime_ns, path))
            except FileNotFoundError:  # another run's pruning was faster
                continue
        for _, path in sorted(used)[:-ENTRIES_MAX]:
            path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / (key + _SUFFIX)


def open_cache(settings: CacheSettings) -> LessonCache | None:
    """Open the folder that the settings name; None where they name none."""
    return LessonCache(Path(settings.folder)) if settings.folder else None


def entry_key(*parts: bytes) -> str:
    """Name an entry by what it is a function of, and by the sources of features and trainer."""
    digest = hashlib.sha256(_sources())
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


@cache
def _sources() -> bytes:
    digest = hashlib.sha256(np.__version__.encode())
    for package in (feature_service, trainer):
        assert package.__file__
        folder = Path(package.__file__).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.digest()
