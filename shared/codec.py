"""Messages to bytes and back. Little-endian structs: a version byte, fixed fields, then text and arrays.

Acks, which are rare and mostly text, are MessagePack behind their version byte.
Every ``decode_*`` raises JunkError for bytes that are no such message, and nothing else.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import astuple, fields
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, get_type_hints

import msgpack
import numpy as np

from shared.contracts import (
    REGIMES,
    SCORED_HEADS,
    UNRESOLVED,
    WINDOW,
    Ack,
    Candle,
    FeatureRow,
    Outcome,
    Prediction,
    Series,
)
from shared.errors import InputError, JunkError

_CANDLE = struct.Struct("<cB q 5d B")  # kind, flags, t, o h l c v, series bytes
_ROW = struct.Struct("<c qqq H qq H 32s B")  # kind, t, previous t, n, reasons, admitted, row, F, set hash, series bytes
_PREDICTION = struct.Struct("<c qq H qqqq 11f 3f 2f B 32s B")
_OUTCOME = struct.Struct("<c q 7b 7b 2d")  # kind, t: the gate reads it there
_KINDS = {
    "candle": b"\x11",
    "row": b"\x12",
    "prediction": b"\x13",
    "outcome": b"\x14",
    "ack": b"\x15",
}  # high digit: what; low digit: schema version

_MSGPACK = (msgpack.UnpackException, RecursionError)  # its other errors are ValueErrors

P = ParamSpec("P")
R = TypeVar("R")


def _junk_on_error(decode: Callable[P, R]) -> Callable[P, R]:
    """Turn whatever a decoder trips over into JunkError: bytes from outside have no other way to fail."""

    @wraps(decode)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return decode(*args, **kwargs)
        except (struct.error, ValueError, TypeError, IndexError, InputError, *_MSGPACK) as error:
            raise JunkError(f"does not decode: {error}") from None

    return guarded


@lru_cache(maxsize=65_536)
def _series(key: bytes) -> Series:
    series = Series.from_key(key.decode("ascii"))
    if series.key.encode() != key:
        raise ValueError("series key is not in its one spelling")
    return series


def _expect(kind: str, data: bytes) -> None:
    if data[:1] != _KINDS[kind]:
        raise ValueError(f"first byte {data[:1]!r} is not that of a {kind}")


def encode_candle(candle: Candle) -> bytes:
    """Bytes of a candle as a producer sends it; ``n`` and ``admitted_us`` are admission's to give."""
    key = candle.series.key.encode()
    values = (candle.o, candle.h, candle.l, candle.c, candle.v)
    return _CANDLE.pack(_KINDS["candle"], candle.flags, candle.t, *values, len(key)) + key


@_junk_on_error
def decode_candle(data: bytes, n: bytes, admitted_us: bytes) -> Candle:
    """Read an entry of the candles log: message, ``n`` and admission time as the broker wrote them."""
    _expect("candle", data)
    _, flags, t, o, h, low, c, v, size = _CANDLE.unpack_from(data)
    if len(data) != _CANDLE.size + size:
        raise ValueError(f"{len(data)} bytes instead of {_CANDLE.size + size}")
    count, stamp = int(n), int(admitted_us)
    if t <= 0 or count < 1 or not 0 < low <= min(o, c) <= max(o, c) <= h < math.inf or not 0 <= v < math.inf:
        raise ValueError("values are not those of a candle")
    return Candle(_series(data[_CANDLE.size :]), t, o, h, low, c, v, flags, count, stamp)


def encode_row(row: FeatureRow) -> bytes:
    """Bytes of a feature row."""
    key = row.series.key.encode()
    head = _ROW.pack(
        _KINDS["row"], row.t, row.previous_t, row.n, row.reasons, row.admitted_us, row.row_us,
        len(row.values), bytes.fromhex(row.feature_set), len(key),
    )  # fmt: skip
    return head + key + row.values.astype("<f4", copy=False).tobytes()


@_junk_on_error
def decode_row(data: bytes) -> FeatureRow:
    """Read a feature row."""
    _expect("row", data)
    _, t, previous_t, n, reasons, admitted_us, row_us, width, set_hash, size = _ROW.unpack_from(data)
    start = _ROW.size + size
    if len(data) != start + 4 * width:
        raise ValueError(f"{len(data)} bytes instead of {start + 4 * width}")
    values = np.frombuffer(data, "<f4", width, start)  # (F,)
    if t <= 0 or not 0 <= previous_t < t or n < 1 or not np.isfinite(values).all():
        raise ValueError("values are not those of a feature row")
    series = _series(data[_ROW.size : start])
    return FeatureRow(series, t, previous_t, n, values, set_hash.hex(), reasons, admitted_us, row_us)


def encode_prediction(prediction: Prediction) -> bytes:
    """Bytes of a prediction; absent heads are NaN on the wire."""
    key, bundle = prediction.series.key.encode(), prediction.bundle.encode()
    absent = (math.nan, math.nan, math.nan)
    return b"".join((
        _PREDICTION.pack(
            _KINDS["prediction"], prediction.t, prediction.n, prediction.reasons,
            prediction.admitted_us, prediction.row_us, prediction.queued_us, prediction.inferred_us,
            prediction.buy_prob, prediction.sell_prob, *prediction.direction_probs, *prediction.regime_probs,
            *(prediction.outlook or absent), *(prediction.policy or absent[:2]),
            len(bundle), bytes.fromhex(prediction.feature_set), len(key),
        ),
        bundle,
        key,
    ))  # fmt: skip


def decode_kept_prediction(data: bytes, series: Series) -> Prediction:
    """Read an entry of a series' recent predictions: its key, at the end of every other one, is in the stream's."""
    return decode_prediction(data + series.key.encode())


@_junk_on_error
def decode_prediction(data: bytes) -> Prediction:
    """Read a prediction."""
    _expect("prediction", data)
    _, t, n, reasons, *rest = _PREDICTION.unpack_from(data)
    stamps, numbers, (bundle_size, set_hash, size) = rest[:4], rest[4:20], rest[20:]
    middle = _PREDICTION.size + bundle_size
    if len(data) != middle + size:
        raise ValueError(f"{len(data)} bytes instead of {middle + size}")
    heads, outlook, policy = numbers[:11], tuple(numbers[11:14]), tuple(numbers[14:16])
    if t <= 0 or n < WINDOW or not all(0 <= probability <= 1 for probability in heads):
        raise ValueError("values are not those of a prediction")
    return Prediction(
        _series(data[middle:]), t, n, heads[0], heads[1], tuple(heads[2:5]), tuple(heads[5 : 5 + len(REGIMES)]),
        () if math.isnan(outlook[0]) else outlook, () if math.isnan(policy[0]) else policy,
        reasons, data[_PREDICTION.size : middle].decode(), set_hash.hex(), *stamps,
    )  # fmt: skip


def encode_outcome(outcome: Outcome) -> bytes:
    """Bytes of an outcome: its own fields, then those of its prediction."""
    classes = (*outcome.labels, *outcome.persistence)
    head = _OUTCOME.pack(_KINDS["outcome"], outcome.prediction.t, *classes, outcome.move, outcome.cost)
    return head + encode_prediction(outcome.prediction)


@_junk_on_error
def decode_outcome(data: bytes) -> Outcome:
    """Read an outcome."""
    _expect("outcome", data)
    _, t, *classes, move, cost = _OUTCOME.unpack_from(data)
    prediction = decode_prediction(data[_OUTCOME.size :])
    labels, persistence = tuple(classes[: len(SCORED_HEADS)]), tuple(classes[len(SCORED_HEADS) :])
    if t != prediction.t or min(classes) < UNRESOLVED or not (math.isfinite(move) and 0 <= cost < math.inf):
        raise ValueError("values are not those of an outcome")
    return Outcome(prediction, labels, persistence, move, cost)


def encode_ack(ack: Ack) -> bytes:
    """Bytes of an ack."""
    packed: bytes = msgpack.packb(astuple(ack))
    return _KINDS["ack"] + packed


@_junk_on_error
def decode_ack(data: bytes) -> Ack:
    """Read an ack."""
    _expect("ack", data)
    values = msgpack.unpackb(data[1:])
    types = [_ACK_TYPES[field.name] for field in fields(Ack)]
    if not isinstance(values, list) or [type(value) for value in values] != types:
        raise ValueError("values are not those of an ack")
    return Ack(*values)


_ACK_TYPES = get_type_hints(Ack)
