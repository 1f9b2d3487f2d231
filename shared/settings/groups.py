"""Every setting: its type, default, unit and reason. ``natron settings`` writes these out as natron.yaml."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MultipleOf
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from redis.connection import parse_url

Positive = Annotated[int, Gt(0)]
Count = Annotated[int, Ge(0)]
Seconds = Annotated[float, Gt(0)]
Port = Annotated[int, Ge(0), Le(65_535)]
Share = Annotated[float, Gt(0), Lt(1)]


_PORT = "loopback port of /metrics, /healthz and /readyz, or the next free one; 0: none"


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

    @field_validator("broker_url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if value:
            parse_url(value)  # ValueError: another scheme, or a port that is none
        return value

    @model_validator(mode="after")
    def _room_to_work(self) -> "SystemSettings":
        if max(self.log_keep, self.predictions_keep) + 1_024 > self.max_backlog:
            raise ValueError("max_backlog must exceed log_keep and predictions_keep by at least 1,024")
        return self


class DataSettings(Group):
    """How a history is cut: shares of a series' candles, oldest first; the test part is the rest."""

    train_share: Share = Field(0.70, description="most of the history, as it also fits scaler and thresholds")
    validation_share: Share = Field(0.15, description="picks the checkpoint and the temperatures")

    @model_validator(mode="after")
    def _leaves_a_test_part(self) -> "DataSettings":
        if self.train_share + self.validation_share >= 1:
            raise ValueError("train_share + validation_share must leave candles for the test part")
        return self


class FeaturesSettings(Group):
    """Feature rows as the model sees them."""

    clip: Annotated[float, Gt(0)] = Field(
        6.0, description="in interquartile ranges; scaled features beyond it say extreme and no more"
    )


class LabelSettings(Group):
    """What the heads learn; horizons in candles."""

    setup_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        1, description="of buy and sell: a setup at the next candle can still be acted on at its close"
    )
    regime_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        5, description="of regime: far enough that today's regime does not answer it"
    )
    direction_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        3, description="of direction: the shortest outcome that outlives spread and noise of a candle"
    )
    win_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        12, description="of long_win and short_win: long enough that a move can outgrow its costs"
    )
    volatility_horizon: Annotated[int, Ge(1), Le(96)] = Field(
        6, description="of high_volatility: as long as a stop placed now is near the price"
    )
    cost_bps: Annotated[float, Ge(0)] = Field(
        1.0, description="of a round trip, in 1/10,000 of the price, where the file has no spread"
    )
    min_conditions: Annotated[int, Ge(1), Le(6)] = Field(
        2, description="of six that a setup needs; raised by the fit where setups would be no event"
    )

    @property
    def horizons(self) -> dict[str, int]:
        """Head -> candles until its label is known."""
        return {
            "buy": self.setup_horizon,
            "sell": self.setup_horizon,
            "direction": self.direction_horizon,
            "regime": self.regime_horizon,
            "long_win": self.win_horizon,
            "short_win": self.win_horizon,
            "high_volatility": self.volatility_horizon,
        }


class ModelSettings(Group):
    """Which model is trained."""

    preset: Literal["tiny", "small", "base"] = Field(
        "base",
        description="0.3, 1.5 or 4.8 million parameters; base is the largest that a core serves in a millisecond",
    )


class PretrainSettings(Group):
    """Unsupervised pretraining."""

    epochs: Count = Field(0, description="passes over the training part; only 0 is built so far")


class SupervisedSettings(Group):
    """Supervised training: how long, and on what."""

    epochs: Positive = Field(12, description="passes over the training part; the cosine ends with the last one")
    patience: Positive = Field(6, description="epochs without a better validation log-loss before it stops")
    label_smoothing: Annotated[float, Ge(0), Lt(0.5)] = Field(
        0.02, description="labels near a threshold are noise; more blurs the calibration"
    )
    chunk_rows: Annotated[int, Ge(160), MultipleOf(32)] = Field(
        640, description="rows a training sequence; 95 of them are context, 15 % overhead"
    )
    batch_chunks: Positive = Field(4, description="sequences a step: about 2,200 targets")


class RlSettings(Group):
    """Reinforcement learning of the policy."""

    episodes: Count = Field(0, description="of PPO; only 0 is built so far")


class TrainingSettings(Group):
    """The phases of training."""

    pretrain: PretrainSettings = PretrainSettings()
    supervised: SupervisedSettings = SupervisedSettings()
    rl: RlSettings = RlSettings()
    seed: Count = Field(0, description="of weights, batches and order; the same seed gives the same bundle")
    threads: Positive = Field(2, description="torch's; bundles are equal bit for bit only for equal numbers of them")


class OptimizationSettings(Group):
    """AdamW and its schedule."""

    learning_rate: Annotated[float, Gt(0)] = Field(1e-3, description="peak, reached after the warm-up")
    weight_decay: Annotated[float, Ge(0)] = Field(
        0.05, description="matrices only: norms and biases have nothing to shrink towards"
    )
    clip_norm: Annotated[float, Gt(0)] = Field(1.0, description="of all gradients together; only spikes are larger")
    warmup_share: Annotated[float, Ge(0), Lt(1)] = Field(
        0.05, description="of all steps, rising linearly, as AdamW's moments start empty"
    )
    final_share: Annotated[float, Ge(0), Le(1)] = Field(0.05, description="of the peak rate that is left at the end")


class InferenceSettings(Group):
    """How a bundle is run."""

    bundle: str = Field("", description="folder of the bundle to serve; empty: the reference bundle of the package")
    runtime: Literal["auto", "cpu", "cuda", "tensorrt", "openvino"] = Field(
        "auto", description="auto: of those installed that give the golden answers, the fastest on the golden inputs"
    )
    threads: Positive = Field(1, description="onnxruntime's threads in a worker; scale by starting workers instead")
    max_series: Annotated[int, Ge(16)] = Field(
        4_096,
        description="series whose caches a worker holds; beyond it the least recently seen is refilled on demand",
    )
    confidence_min: Annotated[float, Ge(0), Le(1)] = Field(
        0.0, description="predictions less sure than it say LOW_CONFIDENCE; the bundle's own counts where it is higher"
    )
    max_tokens: Annotated[int, Ge(128)] = Field(2_048, description="candles in one call of the graph, padding included")


class ProducerSettings(Group):
    """Candles in."""

    batch: Annotated[int, Ge(1), Le(256)] = Field(
        256, description="candles an admission call; the broker is busy with one"
    )
    metrics_port: Port = Field(0, description=_PORT)


class ExchangeSettings(Group):
    """Candles from exchanges, through ccxt."""

    options: str = Field("", description="JSON file for ccxt's constructor: proxies, keys, addresses; empty: none")
    timeout_s: Seconds = Field(10.0, description="of one request, and of connecting")
    attempts: Positive = Field(8, description="tries of one page before `natron candles fetch` gives up; it resumes")
    retry_first_s: Seconds = Field(0.5, description="first wait after a failure; doubles, jittered by up to half")
    retry_max_s: Seconds = Field(60.0, description="longest wait between two tries, unless the exchange asks for more")
    ping_s: Seconds = Field(15.0, description="between two pings on a stream")
    deadline_s: Seconds = Field(40.0, description="without any frame, be it a pong, until a connection counts as dead")
    steady_s: Seconds = Field(
        60.0, description="a connection that lived this long is followed by one after the first wait"
    )
    silence_s: Seconds = Field(
        180.0, description="of one series while its market trades, or two candles if less, until REST is asked"
    )
    watch_s: Seconds = Field(0.5, description="between two looks at deadlines and silence")
    metrics_port: Port = Field(0, description=_PORT)

    @model_validator(mode="after")
    def _time_for_a_pong(self) -> "ExchangeSettings":
        if self.deadline_s < 2 * self.ping_s:
            raise ValueError("deadline_s must be at least twice ping_s: a quiet market sends nothing but pongs")
        if self.retry_max_s < self.retry_first_s:
            raise ValueError("retry_max_s must not be below retry_first_s")
        return self


class FeatureServiceSettings(Group):
    """Candles to rows."""

    read_count: Positive = Field(128, description="entries read a partition at a time: what a lost race can cost")
    batch: Positive = Field(4_096, description="entries between two passes of the gate: a paused service loses so many")
    max_series: Annotated[int, Ge(16)] = Field(16_384, description="series whose rings are held; the rest is re-read")
    metrics_port: Port = Field(0, description=_PORT)


class WorkerSettings(Group):
    """Rows to predictions."""

    shadow: str = Field("", description="ID of a pushed bundle to predict with as a challenger; empty: the champion")
    read_count: Positive = Field(64, description="entries read a partition at a time: what a lost race can cost")
    batch: Positive = Field(
        512, description="entries between two passes of the gate: a base bundle must be through within seconds"
    )
    metrics_port: Port = Field(0, description=_PORT)


class BridgeSettings(Group):
    """Predictions to MetaTrader."""

    signals_bind: str = Field("tcp://127.0.0.1:5555", description="address of the XPUB socket; loopback only")
    requests_bind: str = Field("tcp://127.0.0.1:5556", description="address of the ROUTER socket; loopback only")
    metrics_port: Port = Field(0, description=_PORT)
    keys: str = Field(
        "",
        description="file of the two keys; empty: the running system's, else keys.json in the runtime folder",
    )


class GatewaySettings(Group):
    """Predictions over HTTP."""

    host: str = Field("127.0.0.1", description="address to listen on; one that other machines reach needs a key")
    port: Annotated[int, Ge(0), Le(65_535)] = Field(5_000, description="0: any free one")
    key_file: str = Field("", description="file that holds the API key; empty: none is asked for, on loopback only")
    rate_per_s: Annotated[float, Gt(0)] = Field(1_000.0, description="requests of one client on average")
    rate_burst: Annotated[float, Ge(1)] = Field(2_000.0, description="requests of one client at once")
    body_bytes_max: Annotated[int, Ge(65_536)] = Field(
        8_388_608, description="of a request: 64 series of 700 candles in JSON are 6 MB"
    )


class Settings(Group):
    """Everything, frozen."""

    system: SystemSettings = SystemSettings()
    data: DataSettings = DataSettings()
    features: FeaturesSettings = FeaturesSettings()
    labels: LabelSettings = LabelSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    optimization: OptimizationSettings = OptimizationSettings()
    inference: InferenceSettings = InferenceSettings()
    producer: ProducerSettings = ProducerSettings()
    exchange: ExchangeSettings = ExchangeSettings()
    feature_service: FeatureServiceSettings = FeatureServiceSettings()
    worker: WorkerSettings = WorkerSettings()
    bridge: BridgeSettings = BridgeSettings()
    gateway: GatewaySettings = GatewaySettings()
