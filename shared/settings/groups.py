"""Every setting: its type, default, unit and reason. ``natron settings`` writes these out as natron.yaml."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Gt(0)]
Count = Annotated[int, Ge(0)]
Share = Annotated[float, Gt(0), Lt(1)]


class Group(BaseModel):
    """A frozen group of settings: unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SystemSettings(Group):
    """What all services share."""

    namespace: str = Field("natron", description="prefix of every key in the broker; two systems can share one broker")
    broker_url: str = Field(
        "", description="redis://, rediss:// or unix:// URL; empty: the running `natron up` of this user"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="events below it are not written"
    )
    max_backlog: Annotated[int, Ge(4_096)] = Field(
        16_384,
        description="entries a partition's log may hold before what feeds it must wait; above log_keep",
    )
    log_keep: Positive = Field(2_048, description="newest finished entries kept a partition's log, for readers behind")
    predictions_keep: Positive = Field(10_000, description="newest predictions kept a partition's log")
    reject_keep: Positive = Field(1_000, description="newest rejected candles kept a partition")
    max_attempts: Positive = Field(3, description="times an entry may fail or kill a member before it is a dead letter")

    @model_validator(mode="after")
    def _room_to_work(self) -> "SystemSettings":
        if max(self.log_keep, self.predictions_keep) + 1_024 > self.max_backlog:
            raise ValueError("max_backlog must exceed log_keep and predictions_keep by at least 1,024")
        return self


class DataSettings(Group):
    """How training data is cut."""

    train_share: Share = Field(0.7, description="first part by date; the rest tests what it learned")
    validation_share: Share = Field(0.15, description="next part by date: stopping, temperatures; never the test part")


class FeaturesSettings(Group):
    """Feature rows as the model sees them."""

    clip: Annotated[float, Gt(0)] = Field(
        8.0,
        description="scaled features are clipped to +-clip interquartile ranges, so that one spike saturates",
    )


class LabelsSettings(Group):
    """What the heads learn."""

    min_conditions: Annotated[int, Ge(1), Le(6)] = Field(2, description="of six conditions a setup needs")
    setup_horizon: Positive = Field(1, description="candles ahead of buy and sell")
    regime_horizon: Positive = Field(5, description="candles ahead of regime")
    direction_horizon: Positive = Field(3, description="candles ahead of direction")


class ModelSettings(Group):
    """The transformer's size; its form is fixed (docs/model.md)."""

    preset: Literal["tiny", "small", "base"] = Field("tiny", description="0.3, 1.5 or 4.8 million parameters")
    dropout: Annotated[float, Ge(0), Lt(1)] = Field(0.1, description="in the blocks, while training only")


class SupervisedSettings(Group):
    """Supervised training."""

    epochs: Positive = Field(12, description="passes over the training part")
    chunk: Annotated[int, Ge(192)] = Field(512, description="candles a training sequence; every one is a target")
    batch: Positive = Field(8, description="sequences a step")
    label_smoothing: Annotated[float, Ge(0), Lt(0.5)] = Field(0.02, description="markets mislabel; certainty overfits")
    patience: Positive = Field(4, description="epochs without a better validation loss before it stops")


class TrainingSettings(Group):
    """The phases of training."""

    supervised: SupervisedSettings = SupervisedSettings()
    seed: Count = Field(7, description="of weights, batches and dropout; the same seed gives the same bundle")
    threads: Count = Field(0, description="torch's threads; 0: as many as cores")


class OptimizationSettings(Group):
    """How weights move."""

    learning_rate: Annotated[float, Gt(0)] = Field(1e-3, description="peak of the cosine schedule, AdamW")
    weight_decay: Annotated[float, Ge(0)] = Field(0.01, description="AdamW; on matrices only")
    gradient_clip: Annotated[float, Gt(0)] = Field(1.0, description="largest norm of a step's gradient")
    warmup_share: Annotated[float, Ge(0), Lt(1)] = Field(0.05, description="share of steps with a rising learning rate")


class InferenceSettings(Group):
    """How a bundle is run."""

    bundle: str = Field("", description="folder of the bundle to serve; empty: the reference bundle of the package")
    threads: Positive = Field(1, description="onnxruntime's threads in a worker; scale by starting workers instead")
    max_series: Annotated[int, Ge(16)] = Field(
        4_096,
        description="series whose caches a worker holds; beyond it the least recently seen is refilled on demand",
    )
    max_tokens: Annotated[int, Ge(128)] = Field(2_048, description="candles in one call of the graph, padding included")


class ProducerSettings(Group):
    """Candles in."""

    batch: Annotated[int, Ge(1), Le(256)] = Field(
        256, description="candles an admission call; the broker is busy with one"
    )


class FeatureServiceSettings(Group):
    """Candles to rows."""

    read_count: Positive = Field(128, description="entries read a partition at a time: what a lost race can cost")
    max_series: Annotated[int, Ge(16)] = Field(16_384, description="series whose rings are held; the rest is re-read")
    metrics_port: Annotated[int, Ge(0), Le(65_535)] = Field(0, description="loopback port of /metrics; 0: none")


class WorkerSettings(Group):
    """Rows to predictions."""

    read_count: Positive = Field(64, description="entries read a partition at a time: what a lost race can cost")
    metrics_port: Annotated[int, Ge(0), Le(65_535)] = Field(0, description="loopback port of /metrics; 0: none")


class BridgeSettings(Group):
    """Predictions to MetaTrader."""

    signals_bind: str = Field("tcp://127.0.0.1:5555", description="address of the XPUB socket; loopback only")
    requests_bind: str = Field("tcp://127.0.0.1:5556", description="address of the ROUTER socket; loopback only")
    keys: str = Field("", description="file of the bridge's and the client's key; empty: the running system's")


class Settings(Group):
    """Everything, frozen."""

    system: SystemSettings = SystemSettings()
    data: DataSettings = DataSettings()
    features: FeaturesSettings = FeaturesSettings()
    labels: LabelsSettings = LabelsSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    optimization: OptimizationSettings = OptimizationSettings()
    inference: InferenceSettings = InferenceSettings()
    producer: ProducerSettings = ProducerSettings()
    feature_service: FeatureServiceSettings = FeatureServiceSettings()
    worker: WorkerSettings = WorkerSettings()
    bridge: BridgeSettings = BridgeSettings()
