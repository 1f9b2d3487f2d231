"""A model bundle on disk: the manifest's shape, and the one way to load what it lists.

The trainer writes manifests through these models, the worker reads them through the same ones.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from inference_worker.records import (
    BoundsRecord,
    BundleId,
    CacheRecord,
    DataRecord,
    FeatureSetRecord,
    FileName,
    GoldenRecord,
    HistogramsRecord,
    LabelRecord,
    MetricRecord,
    PolicyRecord,
    Record,
    ScalerRecord,
    Sha256,
    SplitRecord,
    VariantRecord,
)
from shared.contracts import DIRECTIONS, REGIMES, WINDOW
from shared.errors import BundleError

BUNDLE_SCHEMA = 1
MANIFEST_NAME = "manifest.json"
GRAPH_NAME = "model.onnx"
POOL_CACHE = "cache_pool"
CORE_HEADS: dict[str, tuple[str, ...]] = {
    "buy": ("none", "setup"),
    "sell": ("none", "setup"),
    "direction": DIRECTIONS,
    "regime": REGIMES,
}
"""Heads every bundle has, and their classes in the order of the probabilities."""
OUTLOOK_HEADS: dict[str, tuple[str, ...]] = {
    "long_win": ("loss", "win"),
    "short_win": ("loss", "win"),
    "high_volatility": ("usual", "high"),
}
"""Heads that a bundle has all of, or none: a prediction's ``outlook``."""
HEADS = CORE_HEADS | OUTLOOK_HEADS
EMBEDDING = "embedding"
"""Output of the graph that a policy reads: (B, T, d), what the heads read."""


class Manifest(Record):
    """``manifest.json``."""

    schema_version: int
    id: BundleId
    feature_set: FeatureSetRecord
    preset: str
    parameters: int
    attention_windows: tuple[int, ...]
    pool_window: int
    caches: tuple[CacheRecord, ...]
    heads: tuple[str, ...]
    labels: dict[str, LabelRecord]
    temperatures: dict[str, float]
    scaler: ScalerRecord
    costs: dict[str, float]
    data: tuple[DataRecord, ...]
    splits: tuple[SplitRecord, ...]
    seed: int
    training: dict[str, float | int | str]
    code_version: str
    metrics: tuple[MetricRecord, ...]
    test_split_reads: int
    files: dict[FileName, Sha256]
    golden: GoldenRecord
    bounds: BoundsRecord | None = None
    histograms: HistogramsRecord | None = None
    confidence_min: float = Field(0.0, ge=0, le=1)  # predictions below it say LOW_CONFIDENCE; 0: none does
    expires_ms: int | None = None  # UTC epoch ms after which predictions say EXPIRED; None: never
    policy: PolicyRecord | None = None
    variants: tuple[VariantRecord, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if GRAPH_NAME not in self.files:
            raise ValueError(f"files must list {GRAPH_NAME}")
        missing = sorted(set(CORE_HEADS) - set(self.heads))
        if missing:
            raise ValueError(f"heads must hold {', '.join(missing)}")
        if set(self.heads) not in (set(CORE_HEADS), set(HEADS)):
            raise ValueError(f"heads beside {', '.join(CORE_HEADS)} must be {', '.join(OUTLOOK_HEADS)}, or none")
        reach = sum(width - 1 for width in self.attention_windows) + self.pool_window
        if reach != WINDOW:
            raise ValueError(f"attention_windows and pool_window see {reach} candles instead of {WINDOW}")
        lengths = (*(width - 1 for width in self.attention_windows), self.pool_window - 1)
        names = (*(f"cache_{layer}" for layer in range(len(self.attention_windows))), POOL_CACHE)
        if tuple((cache.name, cache.length) for cache in self.caches) != tuple(zip(names, lengths, strict=True)):
            raise ValueError("caches do not match attention_windows and pool_window")
        shape = self.golden.rows.shape
        if len(shape) != 3 or shape[1:] != (WINDOW, len(self.feature_set.names)):
            raise ValueError(f"golden rows of shape {shape} are no windows of {WINDOW} rows of this feature set")
        self._check_optional(len(self.feature_set.names))
        return self

    def _check_optional(self, features: int) -> None:
        if self.bounds and not len(self.bounds.low) == len(self.bounds.high) == features:
            raise ValueError(f"bounds must hold {features} numbers each")
        if self.histograms and (self.histograms.edges.shape, self.histograms.shares.shape) != (
            (features, 9),
            (features, 10),
        ):
            raise ValueError(f"histograms must be of {features} features, 9 edges and 10 shares each")
        if self.policy and self.policy.file not in self.files:
            raise ValueError(f"files must list {self.policy.file}")
        for one in self.variants:
            if one.file not in self.files:
                raise ValueError(f"files must list {one.file}")


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. ``graph`` holds the very bytes whose sha256 was checked."""

    path: Path
    manifest: Manifest
    graph: bytes
    policy: bytes | None = None  # the graph of ``manifest.policy``
    variants: Mapping[str, bytes] = field(default_factory=dict)  # kind -> the same graph in fewer bits

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a bundle's folder and check the sha256 of every file it lists.

        Raises
        ------
        BundleError
            No manifest, one of another shape or schema version, or a listed file that is absent or altered.
        """
        manifest = _read_manifest(path / MANIFEST_NAME)
        contents = {name: _read_verified(path, name, expected) for name, expected in manifest.files.items()}
        policy = contents[manifest.policy.file] if manifest.policy else None
        variants: dict[str, bytes] = {one.kind: contents[one.file] for one in manifest.variants}
        return cls(path, manifest, contents[GRAPH_NAME], policy, variants)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` into a bundle's folder."""
    (path / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _read_manifest(path: Path) -> Manifest:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        version = _SchemaOnly.model_validate_json(text).schema_version
        if version != BUNDLE_SCHEMA:
            raise BundleError(f"{path}: schema_version expected {BUNDLE_SCHEMA}, found {version}")
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "manifest"
        raise BundleError(f"{path}: {where}: {first['msg']}") from None


class _SchemaOnly(BaseModel):
    schema_version: int


def _read_verified(folder: Path, name: str, expected: str) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder / name}: sha256 expected {expected}, found no file: {error.strerror}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise BundleError(f"{folder / name}: sha256 expected {expected}, found {found}")
    return content
