"""Lines between an Expert Advisor and the bridge besides HELLO: shapes and fields; see docs/wire-protocol.md."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.fields import CLIENT, HASH, MS_MAX, PPM, SEQ_MAX, SESSION, Fields, series_of
from shared.contracts import Series, encode_symbol
from shared.errors import JunkError

CANDLES_MAX = 256
"""Candles a frame."""
NOTHING_WANTED_MS = MS_MAX
"""The ``candle_ms`` that leaves a client nothing to push."""
NAMED_MAX = 8
"""Refused candles that an answer names."""
_RUN = re.compile(r"[0-9]{1,32}")
_EVENT = re.compile(r"[a-z_]{1,16}")
_ID = re.compile(r"-|[A-Za-z0-9_%-]{1,192}\.[A-Z0-9]{2,4}\.[0-9]{1,14}")
_REFUSED = re.compile(r"([0-9]+):([a-z_]+)")
_DETAIL_MAX = 512


@dataclass(frozen=True, slots=True)
class PlaceQuery:
    """``Q1``: a client asks which candle of a series the bridge's side has last."""

    client: str
    series: Series
    sent_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candle that was refused, by its open (0: all of them), and a word why."""

    candle_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """``R1``: the newest candle of a series that is settled: held, or refused for good.

    ``wait_ms``: nothing was taken, the system is busy; push again after so long. ``admitted`` and ``refused`` count
    the candles of the push that this answers; ``refusals`` names the first ``NAMED_MAX`` of the refused.
    """

    session: str
    sent_ms: int
    series: Series
    candle_ms: int
    wait_ms: int = 0
    admitted: int = 0
    refused: int = 0
    refusals: Sequence[Refusal] = ()


@dataclass(frozen=True, slots=True)
class PushLine:
    """``C1``: the second frame holds ``count`` candles, the last of them opened at ``last_ms``."""

    client: str
    series: Series
    sent_ms: int
    count: int
    last_ms: int
    digest: str  # SHA-256 of the second frame


@dataclass(frozen=True, slots=True)
class AckLine:
    """``A1``: what happened; the fields are those of ``shared.contracts.Ack``. ``lots_ppm`` is in millionths."""

    client: str
    symbol: str
    run: str
    number: int
    sent_ms: int
    id: str  # empty where the line says -
    event: str
    side: int
    lots_ppm: int
    price_points: int
    detail: str


@dataclass(frozen=True, slots=True)
class TakenLine:
    """``K1``: acks up to number ``seq`` of the connection's run are taken."""

    session: str
    seq: int
    sent_ms: int
    symbol: str


@dataclass(frozen=True, slots=True)
class PresenceLine:
    """``P1``: how far a client is: the sum of the last numbers it holds of ``symbol``, or of all (None)."""

    client: str
    symbol: str | None
    session: str
    seq: int
    sent_ms: int


EaLine = PlaceQuery | PlaceLine | PushLine | AckLine | TakenLine | PresenceLine


def ea_body(line: EaLine) -> str:
    """Fields of a line, unsigned."""
    match line:
        case PlaceQuery():
            fields = ("Q1", line.client, *_series(line.series, line.sent_ms))
        case PlaceLine():
            symbol, width_s = encode_symbol(line.series.symbol), line.series.width_ms // 1_000
            names = ",".join(f"{one.candle_ms}:{one.reason}" for one in line.refusals)
            fields = ("R1", line.session, 0, line.sent_ms, symbol, width_s, line.candle_ms)
            fields += (line.wait_ms, line.admitted, line.refused, names)
        case PushLine():
            fields = ("C1", line.client, *_series(line.series, line.sent_ms), line.count, line.last_ms, line.digest)
        case AckLine():
            fields = ("A1", line.client, encode_symbol(line.symbol), line.run, line.number, line.sent_ms)
            fields += (line.id or "-", line.event, line.side, line.lots_ppm, line.price_points, line.detail)
        case TakenLine():
            fields = ("K1", line.session, line.seq, line.sent_ms, encode_symbol(line.symbol))
        case PresenceLine():
            symbol = "*" if line.symbol is None else encode_symbol(line.symbol)
            fields = ("P1", line.client, symbol, line.session, line.seq, line.sent_ms)
    return "|".join(map(str, fields))


def _series(series: Series, sent_ms: int) -> tuple[object, ...]:
    return encode_symbol(series.symbol), sent_ms, series.width_ms // 1_000


def decode_ea(kind: str, line: Fields) -> EaLine | None:
    """Read the fields behind ``kind``; None where it is none of these lines'.

    Raises
    ------
    JunkError
        A field is wrong; the message begins with its name.
    """
    decode = _DECODERS.get(kind)
    return decode(line) if decode else None


def _head(line: Fields) -> tuple[str, int, int]:
    return line.match("session", SESSION), line.number("seq", 0, SEQ_MAX), line.number("sent_ms", 0, MS_MAX)


def _query(line: Fields) -> PlaceQuery:
    client, symbol = line.match("client", CLIENT), line.text("symbol")
    sent_ms, width_s = line.number("sent_ms", 0, MS_MAX), line.number("tf_s", 1, 10**7)
    return PlaceQuery(client, series_of(symbol, width_s), sent_ms)


def _place(line: Fields) -> PlaceLine:
    session, _, sent_ms = _head(line)
    symbol, width_s = line.text("symbol"), line.number("tf_s", 1, 10**7)
    series, candle_ms = series_of(symbol, width_s), line.number("candle_ms", 0, MS_MAX)
    if line.ended:
        return PlaceLine(session, sent_ms, series, candle_ms)
    counts = line.number("wait_ms", 0, MS_MAX), line.number("admitted", 0, CANDLES_MAX)
    refused, names = line.number("refused", 0, CANDLES_MAX), line.text("refusals")
    found = [_REFUSED.fullmatch(name) for name in names.split(",")] if names else []
    if not all(found):
        raise JunkError(f"refusals: {names!r} is no list of time:reason")
    return PlaceLine(
        session,
        sent_ms,
        series,
        candle_ms,
        *counts,
        refused,
        tuple(Refusal(int(one[1]), one[2]) for one in found if one),
    )


def _ack(line: Fields) -> AckLine:
    client, symbol = line.match("client", CLIENT), line.symbol()
    run, number, sent_ms = line.match("run", _RUN), line.number("number", 1, SEQ_MAX), line.number("sent_ms", 0, MS_MAX)
    of = line.match("id", _ID)
    event, side = line.match("event", _EVENT), line.number("side", -1, 1)
    lots_ppm = line.number("lots", 0, 10**6 * PPM)
    price, detail = line.number("price", -SEQ_MAX, SEQ_MAX), line.text("detail")
    if len(detail) > _DETAIL_MAX:
        raise JunkError(f"detail: {len(detail)} characters, at most {_DETAIL_MAX}")
    of = "" if of == "-" else of
    return AckLine(client, symbol, run, number, sent_ms, of, event, side, lots_ppm, price, detail)


def _push(line: Fields) -> PushLine:
    query = _query(line)
    count, last_ms = line.number("count", 1, CANDLES_MAX), line.number("last_ms", 1, MS_MAX)
    return PushLine(query.client, query.series, query.sent_ms, count, last_ms, line.match("digest", HASH))


def _taken(line: Fields) -> TakenLine:
    return TakenLine(*_head(line), line.symbol())


def _presence(line: Fields) -> PresenceLine:
    client, symbol = line.match("client", CLIENT), line.symbol_or_all()
    return PresenceLine(client, symbol, *_head(line))


_DECODERS: dict[str, Callable[[Fields], EaLine]] = {
    "Q1": _query, "R1": _place, "C1": _push, "A1": _ack, "K1": _taken, "P1": _presence,
}  # fmt: skip
