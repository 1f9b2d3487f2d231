"""What the scorer says of a bundle on a series: rolling figures and drift, as JSON in the scores log.

An entry of ``natron:{p}:scores`` has the fields ``k`` (``score`` or ``drift``) and ``m`` (the JSON of ``Score`` or
``Drift``); the hash ``natron:{p}:latest_scores`` holds the newest of each under ``k series bundle``. A message says all
that is known: a reader needs the newest one only.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import JunkError
from shared.names import Names

SCORES_KEEP = 2_000
"""Newest messages kept a partition."""

Role = Literal["champion", "shadow"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Bucket(_Part):
    """Candles whose probability (the second class of two, else the named one) was from ``low`` up to ``high``."""

    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    candles: int
    mean: float  # probability
    hit_rate: float  # how often it came true


class HeadScore(_Part):
    """One head over the scored candles whose label is known; shares 0..1."""

    horizon: int  # candles until the label is known
    candles: int
    accuracy: float
    persistence: float  # accuracy of the newest label known at each candle
    log_loss: float  # nats
    brier: float  # sum over the classes of squared errors, 0..2
    ece: float  # expected calibration error, bins of equal mass
    buckets: tuple[Bucket, ...]  # those with candles


class RegimeScore(_Part):
    """The candles of one predicted regime."""

    candles: int
    accuracy: dict[str, float]  # head -> share
    persistence: dict[str, float]
    brier: dict[str, float]


class RuleScore(_Part):
    """What the entry rule in use would have made of the scored candles, costs included."""

    name: str
    trades: int
    hit_rate: float | None  # trades that won after costs
    total_return: float  # what 1 became, minus 1
    log_equity: float
    mean_trade_bps: float | None
    cost_bps: float  # of a round trip by the bundle's manifest, beside slippage and commission


class Score(_Part):
    """A bundle's newest scored candles of one series."""

    series: str  # key
    symbol: str
    timeframe: str
    bundle: str
    role: Role
    at_ms: int  # when it was said, UTC epoch ms
    first: int  # open time of the first scored candle, UTC epoch ms
    last: int  # of the last one
    candles: int  # scored, at most ``score.window``
    learned: int  # of these, that the bundle learned from or was chosen by: what is right there is no skill
    missed: int  # predictions of this series that could not be scored since the scorer started
    taught: bool  # the bundle was trained on this series; else its labels take thresholds common to all series
    heads: dict[str, HeadScore]
    regimes: dict[str, RegimeScore]
    rule: RuleScore | None  # None: the bundle lacks the heads that the rule reads

    @property
    def field(self) -> str:
        """Its field in the hash of the newest ones."""
        return f"score {self.series} {self.bundle}"


class FeatureDrift(_Part):
    """How far one feature's newest rows are from the training rows."""

    name: str
    family: str
    psi: float  # population stability index over ten bins, 0 and up
    ks: float  # Kolmogorov-Smirnov distance at the bins' edges, 0..1
    strength: float  # KS over the limit of its family's mean; above 1 is unusual


class Drift(_Part):
    """A series beside what the champion was trained on."""

    series: str
    symbol: str
    timeframe: str
    bundle: str
    at_ms: int
    rows: int  # newest rows compared
    drifting: bool  # its deliveries say DRIFT
    since_ms: int | None
    why: str  # in words; empty while it does not drift
    families: dict[str, float]  # family -> mean KS of its features over its limit; above 1 it drifts
    features: tuple[FeatureDrift, ...]  # the strongest, strongest first
    log_loss: float | None  # newest mean of the live log-loss, over the heads
    log_loss_change: bool  # ADWIN has seen it rise

    @property
    def field(self) -> str:
        """Its field in the hash of the newest ones."""
        return f"drift {self.series} {self.bundle}"


Message = Score | Drift
_KINDS: dict[str, type[Score] | type[Drift]] = {"score": Score, "drift": Drift}


def commands(names: Names, p: int, message: Message) -> list[tuple[str | int, ...]]:
    """The commands that publish a message."""
    kind, text = message.field.partition(" ")[0], message.model_dump_json()
    return [
        ("XADD", names.scores(p), "MAXLEN", "~", SCORES_KEEP, "*", "k", kind, "m", text),
        ("HSET", names.latest_scores(p), message.field, text),
    ]


def read_message(kind: str, text: str | bytes) -> Message:
    """Read a message; JunkError where it is none."""
    if kind not in _KINDS:
        raise JunkError(f"scores: {kind!r} is no kind of message")
    try:
        return _KINDS[kind].model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise JunkError(f"scores: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
