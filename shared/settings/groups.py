"""Every setting: its type, default, unit and reason. ``natron settings`` writes these out as natron.yaml."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le
from pydantic import Field, field_validator, model_validator

from shared.broker_url import BrokerUrl
from shared.settings.kinds import PORT, Count, Group, Port, Positive, Seconds
from shared.settings.learning import (
    BacktestSettings,
    CacheSettings,
    DataSettings,
    EvaluationSettings,
    FeaturesSettings,
    LabelSettings,
    ModelSettings,
    OptimizationSettings,
    TrainingSettings,
)


class SystemSettings(Group):
    """What all services share."""

    namespace: str = Field("natron", description="prefix of every key in the broker; two systems can share one broker")
    broker_url: str = Field(
        "",
        description="redis://, rediss://, unix:// or redis+cluster://A:6379,B:6379; empty: the user's own `natron up`",
    )
    broker_password_file: str = Field(
        "", description="file that holds the password of broker_url's user; empty: the URL says it, or none is needed"
    )
    monitor_host: str = Field(
        "127.0.0.1", description="address of every metrics_port; one that other machines reach needs monitor_key_file"
    )
    monitor_key_file: str = Field(
        "", description="keys that open /metrics, one a line, each optionally until=2027-01-31; empty: no key, loopback"
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
    replicas: Count = Field(
        0,
        description="that must hold a candle before it counts as admitted; 0: a fail-over may lose some",
    )
    reject_keep: Positive = Field(1_000, description="newest rejected candles kept a partition")
    acks_keep: Positive = Field(100_000, description="newest acks of Expert Advisors kept; the archive has the rest")
    max_attempts: Positive = Field(3, description="times an entry may fail or kill a member before it is a dead letter")

    @field_validator("broker_url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if value:
            BrokerUrl.parse(value)  # ValueError: another scheme, or a port that is none
        return value

    @model_validator(mode="after")
    def _room_to_work(self) -> "SystemSettings":
        if max(self.log_keep, self.predictions_keep) + 1_024 > self.max_backlog:
            raise ValueError("max_backlog must exceed log_keep and predictions_keep by at least 1,024")
        return self


class InferenceSettings(Group):
    """How a bundle is run."""

    bundle: str = Field("", description="folder of the bundle to serve; empty: the reference bundle of the package")
    runtime: Literal[
        "auto",
        "cpu",
        "cpu-int8",
        "cuda",
        "cuda-fp16",
        "tensorrt",
        "tensorrt-fp16",
        "openvino",
        "openvino-bf16",
        "openvino-int8",
    ] = Field(
        "auto", description="auto: of those installed that give the golden answers, the fastest on the golden inputs"
    )
    drift_max: Annotated[float, Ge(1e-5), Le(0.1)] = Field(
        1e-5,
        description="largest difference of a probability from the golden ones; above 1e-5 runtimes of fewer bits may "
        "serve, and then all workers must run the same one: their answers differ by so much",
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
    metrics_port: Port = Field(0, description=PORT)


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
    metrics_port: Port = Field(0, description=PORT)

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
    metrics_port: Port = Field(0, description=PORT)


class WorkerSettings(Group):
    """Rows to predictions."""

    shadow: str = Field("", description="ID of a pushed bundle to predict with as a challenger; empty: the champion")
    read_count: Positive = Field(64, description="entries read a partition at a time: what a lost race can cost")
    batch: Positive = Field(
        512, description="entries between two passes of the gate: a base bundle must be through within seconds"
    )
    metrics_port: Port = Field(0, description=PORT)


class BridgeSettings(Group):
    """Predictions to MetaTrader."""

    signals_bind: str = Field(
        "tcp://127.0.0.1:5555", description="address of the XPUB socket; another than loopback needs bridge.security"
    )
    requests_bind: str = Field(
        "tcp://127.0.0.1:5556", description="address of the ROUTER socket; another than loopback needs bridge.security"
    )
    security: Literal["none", "plain", "curve"] = Field(
        "none",
        description="what clients log on with; plain for MetaTrader (passwords are in the clear: inside a VPN or TLS), "
        "curve for libzmq's clients. Lines are signed with any of them",
    )
    curve_signals_bind: str = Field(
        "",
        description="where clients that speak CURVE get signals, beside others of security plain; empty: nowhere",
    )
    curve_requests_bind: str = Field("", description="and where they send requests; both addresses or none")
    connections_max: Annotated[int, Ge(1), Le(10_000)] = Field(
        256, description="clients on each of the two sockets; one that reads nothing costs up to 16 MB"
    )
    metrics_port: Port = Field(0, description=PORT)
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


class ScoreSettings(Group):
    """What came true of predictions."""

    window: Annotated[int, Ge(50)] = Field(
        500,
        description="newest scored candles that a rolling figure is over, a series: its error is then about 2 points",
    )
    rule: Literal["expected_value", "direction", "setup"] = Field(
        "expected_value", description="entry rule whose return is shown; its thresholds are those of backtest"
    )
    read_count: Positive = Field(512, description="entries read a partition at a time")
    batch: Positive = Field(4_096, description="predictions between two passes of the gate: labels are cheap in bulk")
    metrics_port: Port = Field(0, description=PORT)


class ArchiveSettings(Group):
    """What went through the logs, kept in files."""

    folder: str = Field("natron-archive", description="of the Parquet files and their catalog")
    write_s: Seconds = Field(10.0, description="between two writes; what came since is read again after a crash")
    write_rows: Positive = Field(
        8_192,
        description="written at once where many come: a partition's log keeps 2,048 candles to go back to",
    )
    candle_months: Count = Field(0, description="whole months that candles are kept; 0: for ever, for training")
    row_months: Count = Field(12, description="of the rows' digests, which only `natron reproduce` reads; 0: for ever")
    prediction_months: Count = Field(0, description="of predictions; 0: for ever")
    outcome_months: Count = Field(0, description="of outcomes; 0: for ever")
    ack_months: Count = Field(12, description="of what Expert Advisors say besides fills; 0: for ever")
    fill_months: Count = Field(0, description="of fills; 0: for ever, as accounts are kept")
    metrics_port: Port = Field(0, description=PORT)


class AlertSettings(Group):
    """Who is told when something needs somebody."""

    every_s: Seconds = Field(10.0, description="between two looks")
    webhook: str = Field("", description="HTTP address that each alert is posted to as JSON; empty: none")
    apprise: str = Field("", description="addresses for apprise, separated by spaces: mail, chats ...; empty: none")
    silent_candles: Positive = Field(3, description="candles after which a live series without news counts as silent")
    lag_entries: Positive = Field(2_048, description="that may wait in a partition: what its log keeps")
    dead_minutes: Positive = Field(10, description="for which a dead letter counts as new")
    expiry_days: Count = Field(7, description="before a bundle expires that somebody is told: time to train another")
    metrics_port: Port = Field(0, description=PORT)


class RetrainSettings(Group):
    """When a retrained bundle replaces the champion."""

    candles_min: Positive = Field(
        1_000, description="that neither bundle has learned from; over fewer no difference is certain"
    )
    block: Positive = Field(200, description="candles of a bootstrap block, as of an evaluation's")
    resamples: Annotated[int, Ge(100)] = Field(500, description="of the bootstrap; 95 % bounds need some hundred")


class Settings(Group):
    """Everything, frozen."""

    system: SystemSettings = SystemSettings()
    data: DataSettings = DataSettings()
    cache: CacheSettings = CacheSettings()
    features: FeaturesSettings = FeaturesSettings()
    labels: LabelSettings = LabelSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    optimization: OptimizationSettings = OptimizationSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    backtest: BacktestSettings = BacktestSettings()
    inference: InferenceSettings = InferenceSettings()
    producer: ProducerSettings = ProducerSettings()
    exchange: ExchangeSettings = ExchangeSettings()
    feature_service: FeatureServiceSettings = FeatureServiceSettings()
    worker: WorkerSettings = WorkerSettings()
    bridge: BridgeSettings = BridgeSettings()
    gateway: GatewaySettings = GatewaySettings()
    score: ScoreSettings = ScoreSettings()
    archive: ArchiveSettings = ArchiveSettings()
    retrain: RetrainSettings = RetrainSettings()
    alerts: AlertSettings = AlertSettings()
