"""What the gateway answers, as models: they describe the API in /openapi.json, and tests hold every answer to them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.series_state import State
from shared.contracts import DIRECTIONS, REGIMES, Reason

Word = Literal["WARMING", "GAP", "REPLAY", "STALE", "OUTLIER", "DRIFT", "EXPIRED", "LOW_CONFIDENCE", "HALTED"]
assert set(Word.__args__) == {reason.name for reason in Reason}  # type: ignore[attr-defined]
Probability = Field(ge=0, le=1)
_SETUP = (
    "Probability that the next candle shows a {0} setup (a condition of the market). NOT the probability of profit."
)
_WIN = "Probability that a {0} trade profits: entered at the next open, left at the close of candle 12, after costs."
Time = Field(description="Open time of a candle, UTC epoch milliseconds.")


class Document(BaseModel):
    """An answer: no keys but these."""

    model_config = ConfigDict(extra="forbid")


class Fault(Document):
    """What was wrong, and how to mend it."""

    field: str = Field(description="Where in the request; empty: the request as a whole.")
    value: Any = None
    rule: str
    mend: str


class Problem(Document):
    """An error."""

    error: Fault


class Classes(Document):
    """The likeliest class of each head: 1 or 0, and places in ``direction_probs`` and the list of regimes."""

    buy: Literal[0, 1]
    sell: Literal[0, 1]
    direction: int = Field(ge=0, lt=len(DIRECTIONS))
    regime: int = Field(ge=0, lt=len(REGIMES))


class Outlook(Document):
    """What may come of it."""

    long_win_prob: float = Field(ge=0, le=1, description=_WIN.format("long"))
    short_win_prob: float = Field(ge=0, le=1, description=_WIN.format("short"))
    high_volatility_prob: float = Field(
        ge=0, le=1, description="Probability that the next 6 candles move more than this series usually does."
    )


class Policy(Document):
    """What the trained policy would hold from a flat account."""

    action: Literal["long", "flat", "short"]
    size: float = Probability


class PredictionDocument(Document):
    """A prediction at the close of one candle."""

    id: str
    symbol: str
    timeframe: str
    time: int = Time
    n: int = Field(description="How many candles of the series there were up to it.")
    buy_prob: float = Field(ge=0, le=1, description=_SETUP.format("bullish"))
    sell_prob: float = Field(ge=0, le=1, description=_SETUP.format("bearish"))
    direction_probs: list[float] = Field(min_length=3, max_length=3, description="Of down, up, neutral.")
    direction_pred: Literal["down", "up", "neutral"]
    regime: Literal["BULL_STRONG", "BULL_WEAK", "RANGE", "BEAR_WEAK", "BEAR_STRONG", "VOLATILE"]
    regime_probs: dict[str, float]
    confidence: float = Field(ge=0, le=1, description="Mean of the four heads' largest probabilities.")
    predictions: Classes
    outlook: Outlook | None = None
    policy: Policy | None = None
    reasons: list[Word] = Field(description="Why not to trade on it; [] where nothing speaks against it.")
    valid_until: int = Field(description="UTC epoch milliseconds.")
    bundle: str
    feature_set: str
    latency_us: dict[str, int]


class BatchDocument(Document):
    """Answers in the order of the requests."""

    results: list[PredictionDocument | Problem]


class HealthDocument(Document):
    """Whether it is alive, and what it predicts with."""

    status: Literal["ok"]
    model_loaded: bool
    device: str
    bundle: str
    feature_set: str


class ReadyDocument(Document):
    """Whether it can do all it is there for."""

    ready: bool
    reasons: dict[str, str]


class ModelsDocument(Document):
    """The bundle at work: its data, heads and figures beside their baselines."""

    models: list[dict[str, Any]]


class FeaturesDocument(Document):
    """The features of a row, in the model's order."""

    features: list[dict[str, Any]]


class CandleDocument(Document):
    """One closed candle, as /predict takes it."""

    time: int = Time
    open: float
    high: float
    low: float
    close: float
    volume: float


class CandlesDocument(Document):
    """Candles of a series, oldest first; ``n`` counts the series' candles up to the last one here."""

    symbol: str
    timeframe: str
    n: int
    candles: list[CandleDocument]


class PredictionsDocument(Document):
    """Predictions of a series, oldest first."""

    symbol: str
    timeframe: str
    predictions: list[PredictionDocument]


class SeriesDocument(Document):
    """One series and the state of its feed."""

    series: str = Field(description="Key: the encoded symbol, a dot, the timeframe.")
    symbol: str
    timeframe: str
    state: State
    why: str
    missing: int = Field(description="Closed candles of its calendar that have not come.")
    source: str
    calendar: str
    n: int
    time: int | None = Time
    close: float | None
    latest: PredictionDocument | None


class SeriesListDocument(Document):
    """Every series, by symbol and timeframe."""

    series: list[SeriesDocument]


class Halt(Document):
    """A halt in force; ``symbol`` null stands for every symbol."""

    symbol: str | None
    since: int


class HaltsDocument(Document):
    """All halts in force."""

    halted: list[Halt]


class SystemDocument(Document):
    """How the system is."""

    broker: dict[str, Any]
    logs: dict[str, int]
    lag: dict[str, int]
    latency_ms: dict[str, dict[str, float]]
    members: dict[str, list[str]]
    dead_letters: dict[str, Any]
    bundles: dict[str, Any]
    halted: list[Halt]
    drifting: dict[str, str]


class ScoresDocument(Document):
    """What the scorer says, the newest of each series and bundle; [] until outcomes are known."""

    scores: list[dict[str, Any]]
    drift: list[dict[str, Any]]


class TradeDocument(Document):
    """A fill beside the signal it followed."""

    time: int = Field(description="When the terminal had the fill, by its clock, UTC epoch milliseconds.")
    client: str
    symbol: str
    side: Literal["buy", "sell"] | None
    lots: float
    price: float | None
    signal: PredictionDocument | None
    delay_ms: int | None = Field(description="From the close of the signal's candle to the fill.")
    slippage_points: float | None = Field(description="How much worse than the order's price, in the symbol's points.")
    result: float | None = Field(description="In the account's currency, once it is closed.")


class TradesDocument(Document):
    """Fills that terminals reported, newest first."""

    trades: list[TradeDocument]
