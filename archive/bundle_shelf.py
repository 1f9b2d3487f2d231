"""Bundles by their ID: that of the settings, the reference bundle, and those that were pushed into the broker."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import structlog

from archive.scoring.taught import TaughtLabels, taught_labels
from inference_worker.bundle import Bundle
from inference_worker.registry import Registry
from shared.clock import Clock
from shared.errors import BundleError
from shared.settings.groups import Settings

RETRY_S = 10.0
"""So long is a bundle that was not to be found not looked for again."""

_log = structlog.get_logger()


def folders_of(settings: Settings) -> list[Path]:
    """Folders that a bundle may be in: that of the settings, and the reference bundle's."""
    own = [Path(settings.inference.bundle)] if settings.inference.bundle else []
    return [*own, Path(str(files("models"))) / "reference"]


class BundleShelf:
    """Finds bundles by ID and keeps them; without a registry in folders only."""

    def __init__(self, registry: Registry | None, folders: Sequence[Path], clock: Clock) -> None:
        self._registry, self._folders, self._clock = registry, folders, clock
        self._found: dict[str, Bundle] = {}
        self._missing: dict[str, float] = {}  # ID -> when to look again
        self._taught: Callable[[str, str], TaughtLabels] = lru_cache(maxsize=65_536)(self._read)

    def bundle(self, bundle_id: str) -> Bundle | None:
        """A bundle; None where it is neither here nor in the broker whole."""
        found = self._found.get(bundle_id)
        if found is None and self._clock.monotonic_s() >= self._missing.get(bundle_id, 0.0):
            try:
                found = self._found[bundle_id] = self._look(bundle_id)
            except BundleError as error:
                _log.warning("bundle_missing", bundle=bundle_id, error=str(error))
                self._missing[bundle_id] = self._clock.monotonic_s() + RETRY_S
        return found

    def _look(self, bundle_id: str) -> Bundle:
        for folder in self._folders:
            try:
                bundle = Bundle.load(folder)
            except BundleError:
                continue
            if bundle.manifest.id == bundle_id:
                return bundle
        if self._registry is None:
            raise BundleError(f"bundle {bundle_id}: is in none of {', '.join(map(str, self._folders))}")
        return self._registry.load(bundle_id)

    def of(self, bundle: str, key: str) -> TaughtLabels | None:
        """What a bundle's labels mean on a series; None where the bundle is not to be found."""
        return None if self.bundle(bundle) is None else self._taught(bundle, key)

    def _read(self, bundle: str, key: str) -> TaughtLabels:
        return taught_labels(self._found[bundle].manifest, key)
