"""The parts of a bundle's manifest, each as frozen as the whole."""

import base64
import binascii
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

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
