"""What is archived: a table a kind, and the rows that messages become in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from shared.contracts import (
    REGIMES,
    SCORED_HEADS,
    Ack,
    Candle,
    FeatureRow,
    Outcome,
    Prediction,
    Series,
    encode_symbol,
)

CANDLES, ROWS, PREDICTIONS, OUTCOMES = "candles", "rows", "predictions", "outcomes"
ACKS, FILLS = "acks", "fills"
FILL_EVENTS = frozenset({"filled", "closed"})

_PROBABILITIES = ("buy", "sell", "down", "up", "neutral", *(regime.lower() for regime in REGIMES))
_OUTLOOK = ("long_win", "short_win", "high_volatility")
_POLICY = ("policy_action", "policy_size")
_STAMPS = ("admitted_us", "row_us", "queued_us", "inferred_us")


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([("t", pa.int64()), ("n", pa.int64()), *columns.items()])


SCHEMAS: dict[str, pa.Schema] = {
    CANDLES: _schema(
        **dict.fromkeys("ohlcv", pa.float64()), flags=pa.uint8(), admitted_us=pa.int64()
    ),
    ROWS: _schema(feature_set=pa.string(), digest=pa.binary(16), reasons=pa.int32()),
    PREDICTIONS: _schema(
        bundle=pa.string(), shadow=pa.bool_(), feature_set=pa.string(), reasons=pa.int32(),
        **dict.fromkeys((*_PROBABILITIES, *_OUTLOOK, *_POLICY), pa.float32()),
        **dict.fromkeys(_STAMPS, pa.int64()),
    ),
    OUTCOMES: _schema(
        bundle=pa.string(), shadow=pa.bool_(), move=pa.float64(), cost=pa.float64(),
        **{f"label_{head}": pa.int8() for head in SCORED_HEADS},
        **{f"persistence_{head}": pa.int8() for head in SCORED_HEADS},
    ),
}  # fmt: skip
_ACK = _schema(
    **dict.fromkeys(("client", "symbol", "run", "id", "event", "detail"), pa.string()),
    sent_ms=pa.int64(), side=pa.int8(), lots=pa.float64(), price_points=pa.int64(),
)  # fmt: skip
SCHEMAS |= {ACKS: _ACK, FILLS: _ACK}
"""Kind -> columns. ``t`` is the candle's open time (UTC epoch ms), ``n`` its number in the series; of acks and fills
when the bridge took them, and their number in the run."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table.

    ``key`` is that of its series (of acks the encoded symbol); ``of`` says whose it is where a candle has several: the
    bundle, or the feature set; of an ack the client and its run. ``series`` is None of an ack.
    """

    kind: str
    key: str
    of: str
    values: dict[str, Any]
    series: Series | None = None

    @property
    def place(self) -> int:
        """What rises from one to the next of the same: the candle's time, or an ack's number."""
        return self.n if self.series is None else self.t

    @property
    def t(self) -> int:
        """Open time of its candle, UTC epoch ms."""
        return int(self.values["t"])

    @property
    def n(self) -> int:
        """Number of its candle."""
        return int(self.values["n"])


def digest(row: FeatureRow) -> bytes:
    """16 bytes that two rows share where all their values are the same, bit for bit."""
    return row_digest(row.values.astype("<f4", copy=False).tobytes())


def row_digest(values: bytes) -> bytes:
    """The same of a row's little-endian float32 bytes."""
    return hashlib.blake2b(values, digest_size=16).digest()


def candle_record(one: Candle) -> Record:
    """Of an admitted candle."""
    values = {name: getattr(one, name) for name in ("t", "n", *"ohlcv", "flags", "admitted_us")}
    return Record(CANDLES, one.series.key, "", values, one.series)


def row_record(one: FeatureRow) -> Record:
    """Of a feature row: its digest, as the values follow from the candles."""
    values = {"feature_set": one.feature_set, "digest": digest(one), "reasons": one.reasons}
    return Record(ROWS, one.series.key, one.feature_set, {"t": one.t, "n": one.n, **values}, one.series)


def prediction_record(one: Prediction, *, shadow: bool) -> Record:
    """Of a prediction, champion's or challenger's."""
    probabilities = (one.buy_prob, one.sell_prob, *one.direction_probs, *one.regime_probs)
    values = {
        "t": one.t,
        "n": one.n,
        "bundle": one.bundle,
        "shadow": shadow,
        "feature_set": one.feature_set,
        "reasons": one.reasons,
        **dict(zip(_PROBABILITIES, probabilities, strict=True)),
        **dict(zip(_OUTLOOK, one.outlook or (None, None, None), strict=True)),
        **dict(zip(_POLICY, one.policy or (None, None), strict=True)),
        **{name: getattr(one, name) for name in _STAMPS},
    }
    return Record(PREDICTIONS, one.series.key, one.bundle, values, one.series)


def outcome_record(one: Outcome, *, shadow: bool) -> Record:
    """Of an outcome."""
    values = {
        "t": one.prediction.t,
        "n": one.prediction.n,
        "bundle": one.prediction.bundle,
        "shadow": shadow,
        "move": one.move,
        "cost": one.cost,
        **{f"label_{head}": label for head, label in zip(SCORED_HEADS, one.labels, strict=True)},
        **{f"persistence_{head}": label for head, label in zip(SCORED_HEADS, one.persistence, strict=True)},
    }
    series = one.prediction.series
    return Record(OUTCOMES, series.key, one.prediction.bundle, values, series)


def ack_record(one: Ack) -> Record:
    """Of what an Expert Advisor said: a fill where a deal was made, else an ack."""
    names = ("client", "symbol", "run", "id", "event", "detail", "sent_ms", "side", "lots", "price_points")
    values = {"t": one.taken_ms, "n": one.number, **{name: getattr(one, name) for name in names}}
    kind = FILLS if one.event in FILL_EVENTS else ACKS
    return Record(kind, encode_symbol(one.symbol), f"{one.client} {one.run}", values)


def read_prediction(series: Series, values: Mapping[str, Any]) -> Prediction:
    """Undo ``prediction_record``."""
    probabilities = tuple(float(values[name]) for name in _PROBABILITIES)
    return Prediction(
        series, values["t"], values["n"], probabilities[0], probabilities[1], probabilities[2:5], probabilities[5:],
        _present(values, _OUTLOOK), _present(values, _POLICY), values["reasons"], values["bundle"],
        values["feature_set"], *(values[name] for name in _STAMPS),
    )  # fmt: skip


def _present(values: Mapping[str, Any], names: tuple[str, ...]) -> tuple[float, ...]:
    return () if values[names[0]] is None else tuple(float(values[name]) for name in names)
