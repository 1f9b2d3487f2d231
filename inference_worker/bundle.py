"""A model bundle on disk: the manifest's shape, and the one way to load what it lists.

The trainer writes manifests through these models, the worker reads them through the same ones.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

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

BundleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,24}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")]


class Record(BaseModel):
    """A part of the manifest: frozen, and no key but the named ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FeatureSetRecord(Record):
    """The features that the model was trained on; rows signed otherwise are refused."""

    hash: Sha256
    names: tuple[str, ...] = Field(min_length=1)
    lookback: int = Field(gt=0)


class CacheRecord(Record):
    """One cache input of the graph: (B, length, width) float32, oldest first, zeros where empty."""

    name: str = Field(pattern=r"^cache_")
    length: int = Field(gt=0)
    width: int = Field(gt=0)

    @property
    def entry(self) -> str:
        """Name of the output that holds the new entries: (B, T, width)."""
        return "entry_" + self.name.removeprefix("cache_")


class LabelRecord(Record):
    """What a head was taught: family, candles ahead, and the thresholds of the training split."""

    family: Literal["state", "next_state", "outcome"]
    horizon: int = Field(ge=0)
    classes: tuple[str, ...]
    definition: str
    thresholds: dict[str, float]


class DataRecord(Record):
    """One file of the training data. Times are UTC epoch ms of candle opens."""

    symbol: str
    timeframe: str
    tz: str
    sha256: Sha256
    candles: int
    first: int
    last: int


class SpanRecord(Record):
    """Candles of one split: first and last open time (UTC epoch ms), and how many are labelled."""

    first: int
    last: int
    candles: int


class SplitRecord(Record):
    """The three spans of one series."""

    series: str
    train: SpanRecord
    validation: SpanRecord
    test: SpanRecord


class MetricRecord(Record):
    """One head on the test split of one series, or of ``all``, beside what needs no model."""

    series: str
    head: str
    candles: int
    accuracy: float = Field(ge=0, le=1)
    majority: float = Field(ge=0, le=1)
    persistence: float = Field(ge=0, le=1)
    log_loss: float = Field(ge=0)  # nats
    balanced_accuracy: float | None = None  # these are absent from older bundles, or where one class is all there is
    macro_f1: float | None = None
    mcc: float | None = None
    auc: float | None = None
    log_loss_skill: float | None = None
    brier: float | None = None
    ece: float | None = None


class Tensor(Record):
    """A float32 array in JSON: its shape, and its little-endian bytes in base64."""

    shape: tuple[int, ...]
    f32: str

    @classmethod
    def of(cls, values: NDArray[np.float32]) -> Self:
        """Wrap an array of any shape."""
        data = np.ascontiguousarray(values, "<f4").tobytes()
        return cls(shape=values.shape, f32=base64.b64encode(data).decode("ascii"))

    @model_validator(mode="after")
    def _sized(self) -> Self:
        try:
            size = len(base64.b64decode(self.f32, validate=True))
        except binascii.Error as error:
            raise ValueError(f"f32 is not base64: {error}") from None
        if size != 4 * int(np.prod(self.shape)):
            raise ValueError(f"f32 holds {size} bytes, shape {self.shape} needs {4 * int(np.prod(self.shape))}")
        return self

    @property
    def array(self) -> NDArray[np.float32]:
        """The values, read-only, in ``shape``."""
        values: NDArray[np.float32] = np.frombuffer(base64.b64decode(self.f32), "<f4").reshape(self.shape)
        return values


class GoldenRecord(Record):
    """Real windows and what the graph said of them when it was exported."""

    rows: Tensor  # (K, 96, F) raw feature rows
    outputs: dict[str, Tensor]  # head -> (K,) or (K, classes): probabilities at each window's last candle


class ScalerRecord(Record):
    """The scaler inside the graph, for the reader: clip((x - centre) / scale) to [-clip, clip]."""

    centre: tuple[float, ...]  # (F,)
    scale: tuple[float, ...]  # (F,)
    clip: float = Field(gt=0)


class BoundsRecord(Record):
    """What is usual of a row: the reason OUTLIER is measured against it."""

    low: tuple[float, ...]  # (F,) 0.1 % quantile of each raw feature over the training candles
    high: tuple[float, ...]  # (F,) 99.9 % quantile
    extremes: int = Field(ge=0)  # features outside at once that 99.9 % of the validation rows do not exceed


class HistogramsRecord(Record):
    """How the training rows spread, to measure drift against. Edges may repeat where a feature has few values."""

    edges: Tensor  # (F, 9) deciles of each raw feature, ascending
    shares: Tensor  # (F, 10) of the training rows: in bin k are edges[k - 1] <= x < edges[k]


class PolicyGoldenRecord(Record):
    """Inputs of the policy graph and what it said of them when it was exported."""

    embedding: Tensor  # (K, d)
    state: Tensor  # (K, S)
    probabilities: Tensor  # (K, 3)

    @model_validator(mode="after")
    def _matching(self) -> Self:
        count = self.embedding.shape[0]
        shapes = (self.embedding.shape, self.state.shape, self.probabilities.shape)
        if not count or [len(shape) for shape in shapes] != [2, 2, 2] or any(shape[0] != count for shape in shapes):
            raise ValueError(f"golden embedding, state and probabilities of shapes {shapes} do not match")
        return self


class PolicyRecord(Record):
    """The second graph: embedding (N, d) and state (N, S) in, probabilities (N, 3) of short, flat, long out."""

    file: FileName = "policy.onnx"
    state: tuple[str, ...]  # (S,) what each number of the state is
    horizon: int = Field(gt=0)  # candles that the state's age is measured in
    golden: PolicyGoldenRecord
    training: dict[str, float | int | str] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)


class VariantRecord(Record):
    """The same graph in fewer bits, and how far it is from ``model.onnx`` on rows of the validation split."""

    file: FileName
    kind: Literal["int8", "bf16", "fp16"]
    candles: int = Field(gt=0)  # compared
    agreement: dict[str, float]  # head -> share of them at which both name the same class
    drift: dict[str, float]  # head -> largest difference of a probability


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
