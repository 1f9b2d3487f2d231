"""The messages that services exchange: shapes and meanings. Bytes are in ``codec``, key names in ``names``."""

import enum
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.errors import InputError
from shared.timeframe import timeframe_ms

SCHEMA_VERSION = 1
PARTITIONS = 64
WINDOW = 96
"""Rows a prediction is a function of."""

CANDLE_DTYPE = np.dtype([(name, "<i8" if name == "t" else "<f8") for name in "tohlcv"])
"""One candle: t is the OPEN time in UTC epoch ms; o, h, l, c prices > 0; v volume >= 0."""

Candles = NDArray[np.void]  # (N,) of CANDLE_DTYPE, ascending t
Rows = NDArray[np.float32]  # (N, F)

DIRECTIONS = ("down", "up", "neutral")
REGIMES = ("BULL_STRONG", "BULL_WEAK", "RANGE", "BEAR_WEAK", "BEAR_STRONG", "VOLATILE")

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_SYMBOL_BYTES_MAX = 64


class Reason(enum.IntFlag):
    """Why a prediction should not be traded: a bit on the wire, its name in JSON."""

    WARMING = 1  # of the row: its window holds candles from before the series' first
    GAP = 2  # of the row: a candle of the series' calendar is missing directly before it
    REPLAY = 4  # of the row: a candle of the past, sent as if it were live
    STALE = 8  # of the delivery: later than valid_until when it left; never with REPLAY
    OUTLIER = 16  # of the bundle: more features outside their training range than 99.9 % of validation rows have
    DRIFT = 32  # of the delivery: the scorer saw the series leave what the bundle was trained on
    EXPIRED = 64  # of the delivery: the bundle is past its date
    LOW_CONFIDENCE = 128  # of the bundle: less sure than it must be
    HALTED = 256  # of the delivery: `natron halt`

    @property
    def words(self) -> list[str]:
        """Names of the bits that are set, lowest bit first."""
        return [reason.name for reason in Reason if reason in self and reason.name]


def encode_symbol(symbol: str) -> str:
    """Spell a symbol for keys, topics and lines: every byte outside ``A-Za-z0-9_-`` as %XX.

    Raises
    ------
    InputError
        Empty, longer than 64 bytes of UTF-8, or with a control character.
    """
    try:
        raw = symbol.encode()
    except UnicodeEncodeError:
        raise InputError("symbol", symbol, "is not valid Unicode text", "spell it as the broker does") from None
    if not 0 < len(raw) <= _SYMBOL_BYTES_MAX:
        raise InputError("symbol", symbol, "must be 1 to 64 bytes of UTF-8", "spell it as the broker does")
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in symbol):
        raise InputError("symbol", symbol, "must not hold control characters", "spell it as the broker does")
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)


def decode_symbol(encoded: str) -> str:
    """Undo ``encode_symbol``; InputError where the text is no encoding of a symbol."""
    raw = bytearray()
    at = 0
    while at < len(encoded):
        if encoded[at] == "%":
            try:
                raw.append(int(encoded[at + 1 : at + 3], 16))
            except ValueError:
                break
            at += 3
        else:
            raw.extend(encoded[at].encode())
            at += 1
    symbol = raw.decode(errors="replace")
    if at != len(encoded) or encode_symbol(symbol) != encoded:
        raise InputError("symbol", encoded, "is not an encoded symbol", "write bytes outside A-Za-z0-9_- as %XX")
    return symbol


@dataclass(frozen=True)
class Series:
    """A symbol at a timeframe: what candles, windows and predictions belong to."""

    symbol: str
    timeframe: str

    @cached_property
    def key(self) -> str:
        """Encoded symbol, a dot, the timeframe: ``EURUSD%2Er.M15``."""
        return f"{encode_symbol(self.symbol)}.{self.timeframe}"

    @cached_property
    def partition(self) -> int:
        """Partition that holds everything of this series: crc32 of the key modulo ``PARTITIONS``."""
        return crc32(self.key.encode()) % PARTITIONS

    @cached_property
    def width_ms(self) -> int:
        """Width of one candle in milliseconds."""
        return timeframe_ms(self.timeframe)

    @classmethod
    def from_key(cls, key: str) -> "Series":
        """Read ``key`` back; InputError where it is none."""
        symbol, _, timeframe = key.rpartition(".")
        timeframe_ms(timeframe)
        return cls(decode_symbol(symbol), timeframe)


class Flag(enum.IntFlag):
    """What is known of a candle besides its prices."""

    REPLAY = 1


@dataclass(frozen=True, slots=True)
class Candle:
    """A closed candle of a series, as admitted. ``n`` counts the series' admitted candles from 1."""

    series: Series
    t: int
    o: float
    h: float
    l: float  # noqa: E741 - the field's own letter, beside o, h and c
    c: float
    v: float
    flags: int = 0
    n: int = 0
    admitted_us: int = 0


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """The features of one candle. ``previous_t`` is 0 for a series' first candle."""

    series: Series
    t: int
    previous_t: int
    n: int
    values: NDArray[np.float32]  # (F,)
    feature_set: str  # hash, 64 hex digits
    reasons: int
    admitted_us: int
    row_us: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says at the close of one candle; probabilities are calibrated, float32."""

    series: Series
    t: int
    n: int
    buy_prob: float
    sell_prob: float
    direction_probs: tuple[float, ...]  # down, up, neutral
    regime_probs: tuple[float, ...]  # REGIMES
    outlook: tuple[float, ...]  # long_win, short_win, high_volatility; () where the bundle has no such heads
    policy: tuple[float, ...]  # action -1, 0 or 1, and size 0..1; () where the bundle has no policy
    reasons: int
    bundle: str
    feature_set: str
    admitted_us: int
    row_us: int
    queued_us: int
    inferred_us: int

    @property
    def id(self) -> str:
        """``EURUSD.M15.1732233600000``: the same whoever sends it and whichever bundle made it."""
        return f"{self.series.key}.{self.t}"

    @property
    def valid_until_ms(self) -> int:
        """The end of the candle after the predicted one."""
        return self.t + 2 * self.series.width_ms


UNRESOLVED = -1
SCORED_HEADS = ("buy", "sell", "direction", "regime", "long_win", "short_win", "high_volatility")
"""Heads in the order of an outcome's labels."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a prediction, once the longest horizon of its bundle's labels has passed."""

    prediction: Prediction
    labels: tuple[int, ...]  # class of each of SCORED_HEADS, UNRESOLVED where a label cannot be told
    persistence: tuple[int, ...]  # the newest label that was resolved at the prediction's candle
    move: float  # log return from the next open to the close at the end of the win heads' horizon
    cost: float  # of that round trip, a share of the price


@dataclass(frozen=True, slots=True)
class Ack:
    """What an Expert Advisor says happened: to a signal, an order, a position, or to itself.

    ``run`` is one start of it; ``number`` counts its acks in a run from 1. ``event`` is a word: ``refused``,
    ``ordered``, ``rejected`` and ``dry_run`` are of the signal ``id``; ``filled`` and ``closed`` are of a deal that
    ``detail`` names; ``state`` says how it stands. ``price_points`` is in the symbol's points; ``sent_ms`` is the
    client's clock, ``taken_ms`` the bridge's, UTC epoch ms.
    """

    client: str
    symbol: str
    run: str
    number: int
    sent_ms: int
    taken_ms: int
    id: str  # a prediction's; empty where the event is not of a signal
    event: str
    side: int  # -1, 0 or 1
    lots: float
    price_points: int
    detail: str
