"""The lines of the wire protocol: shapes and bytes, both ways. The page for people is docs/wire-protocol.md.

Shares of one travel as ppm: rounding costs at most 5e-7, so the JSON made from a line agrees to 1e-6.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.ea_lines import EaLine, decode_ea, ea_body
from bridge.fields import CLIENT, HASH, MS_MAX, PPM, SEQ_MAX, SESSION, Fields, decode_name, encode_name, series_of
from bridge.signature import sign, verify
from shared.contracts import DIRECTIONS, REGIMES, WINDOW, Prediction, encode_symbol
from shared.errors import JunkError

NO_SESSION = "0"
"""What a client says in HELLO that has seen no bridge yet."""

_REASONS_MAX = 65_535
_US_MAX = 10**17 - 1


@dataclass(frozen=True, slots=True)
class SignalLine:
    """A prediction on its way: ``S1`` live or from the ring, ``N1`` in a snapshot.

    ``seq`` counts the symbol's live lines in this session from 1; on a snapshot it is the number that the
    client is at afterwards. The prediction's reasons are those of this delivery.
    """

    session: str
    seq: int
    sent_ms: int
    prediction: Prediction
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class HeartbeatLine:
    """``B1``: the bridge lives, and ``seq`` is the last one it sent for this symbol."""

    session: str
    seq: int
    sent_ms: int
    symbol: str


@dataclass(frozen=True, slots=True)
class EndLine:
    """``E1``: the answer for a symbol is complete: ``count`` lines, and the client is at ``seq``.

    With symbol None (``*``) the whole answer is complete, ``count`` symbols, and ``seq`` is 0.
    """

    session: str
    seq: int
    sent_ms: int
    symbol: str | None
    count: int


@dataclass(frozen=True, slots=True)
class HelloLine:
    """``H1``: a client says where it is and asks for what it lacks; symbol None (``*``) asks for all."""

    client: str
    symbol: str | None
    session: str
    seq: int
    sent_ms: int


Line = SignalLine | HeartbeatLine | EndLine | HelloLine | EaLine


def _ppm(name: str, value: float) -> int:
    if not 0 <= value <= 1:
        raise JunkError(f"{name}: {value} is not within 0..1")
    return round(value * PPM)


def _bounded(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise JunkError(f"{name}: {value} is not within {low}..{high}")
    return value


def _joined(values: Iterable[object]) -> str:
    return "|".join(map(str, values))


def signal_body(prediction: Prediction, delivery: int = 0) -> str:
    """Fields of a signal line from ``id`` to its stamps, the reasons of this delivery added.

    Raises
    ------
    JunkError
        A value that no line can say.
    """
    series = prediction.series
    heads = (prediction.buy_prob, prediction.sell_prob, *prediction.direction_probs, *prediction.regime_probs)
    outlook = [_ppm("outlook", value) for value in prediction.outlook] or ("", "", "")
    policy: tuple[object, ...] = ("", "")
    if prediction.policy:
        action, size = prediction.policy
        if action not in {-1, 0, 1}:
            raise JunkError(f"policy: action {action} is none of -1, 0 and 1")
        policy = (int(action), _ppm("policy", size))
    stamps = (prediction.admitted_us, prediction.row_us, prediction.queued_us, prediction.inferred_us)
    return _joined((
        prediction.id, encode_symbol(series.symbol), series.width_ms // 1_000,
        _bounded("candle_ms", prediction.t, 1, MS_MAX), prediction.valid_until_ms,
        _bounded("n", prediction.n, WINDOW, SEQ_MAX),
        *(_ppm("heads", value) for value in heads), *outlook, *policy,
        _bounded("reasons", int(prediction.reasons | delivery), 0, _REASONS_MAX),
        encode_name(prediction.bundle), prediction.feature_set,
        *(_bounded("stamps", stamp, 0, _US_MAX) for stamp in stamps),
    ))  # fmt: skip


def encode_signal(session: str, seq: int, sent_ms: int, body: str, key: bytes, *, snapshot: bool = False) -> bytes:
    """Signed ``S1`` or ``N1`` line around a ``signal_body``."""
    return sign(f"{'N1' if snapshot else 'S1'}|{session}|{seq}|{sent_ms}|{body}", key)


def encode_line(line: Line, key: bytes) -> bytes:
    """Signed bytes of any line; JunkError where it would be longer than a line may be."""
    match line:
        case SignalLine():
            body = signal_body(line.prediction)
            return encode_signal(line.session, line.seq, line.sent_ms, body, key, snapshot=line.snapshot)
        case HeartbeatLine():
            return sign(f"B1|{line.session}|{line.seq}|{line.sent_ms}|{encode_symbol(line.symbol)}", key)
        case EndLine():
            symbol = _symbol_or_all(line.symbol)
            return sign(f"E1|{line.session}|{line.seq}|{line.sent_ms}|{symbol}|{line.count}", key)
        case HelloLine():
            symbol = _symbol_or_all(line.symbol)
            return sign(f"H1|{line.client}|{symbol}|{line.session}|{line.seq}|{line.sent_ms}", key)
        case _:
            return sign(ea_body(line), key)


def _symbol_or_all(symbol: str | None) -> str:
    return "*" if symbol is None else encode_symbol(symbol)


def decode_line(data: bytes, key: bytes) -> Line:
    """Verify and read a line of any kind.

    Raises
    ------
    JunkError
        The signature is wrong, or a field is; the message says which.
    """
    line = Fields(verify(data, key))
    kind = line.text("kind")
    if kind in {"S1", "N1"}:
        return _decode_signal(line, snapshot=kind == "N1")
    if kind == "B1":
        return HeartbeatLine(*_decode_head(line), line.symbol())
    if kind == "E1":
        return EndLine(*_decode_head(line), line.symbol_or_all(), line.number("count"))
    if kind == "H1":
        client, symbol = line.match("client", CLIENT), line.symbol_or_all()
        return HelloLine(client, symbol, *_decode_head(line))
    other = decode_ea(kind, line)
    if other is None:
        raise JunkError(f"kind: {kind!r} is no line's")
    return other


def _decode_head(line: Fields) -> tuple[str, int, int]:
    return line.match("session", SESSION), line.number("seq", 0, SEQ_MAX), line.number("sent_ms", 0, MS_MAX)


def _decode_signal(line: Fields, *, snapshot: bool) -> SignalLine:
    session, seq, sent_ms = _decode_head(line)
    line_id, symbol, width_s = line.text("id"), line.text("symbol"), line.number("tf_s", 1, 10**7)
    t, expires_ms = line.number("candle_ms", 1, MS_MAX), line.number("expires_ms")
    prediction = Prediction(
        series_of(symbol, width_s), t, line.number("n", WINDOW, SEQ_MAX),
        line.share("buy"), line.share("sell"),
        tuple(line.share(name) for name in DIRECTIONS), tuple(line.share(name) for name in REGIMES),
        line.shares("long_win", "short_win", "high_volatility"), line.policy(),
        line.number("reasons", 0, _REASONS_MAX),
        decode_name(line.text("bundle")), line.match("feature_set", HASH),
        *(line.number(name, 0, _US_MAX) for name in ("admitted", "row", "queued", "inferred")),
    )  # fmt: skip
    if line_id != prediction.id:
        raise JunkError(f"id: {line_id!r} instead of {prediction.id!r}")
    if expires_ms != prediction.valid_until_ms:
        raise JunkError(f"expires_ms: {expires_ms} instead of {prediction.valid_until_ms}")
    return SignalLine(session, seq, sent_ms, prediction, snapshot)


def signal_topic(prediction: Prediction) -> bytes:
    """Topic of a signal: ``sig.<SYMBOL>.<TF>``."""
    return f"sig.{prediction.series.key}".encode()


def heartbeat_topic(symbol: str) -> bytes:
    """Topic of a symbol's heartbeats: ``sig.<SYMBOL>.hb``."""
    return f"sig.{encode_symbol(symbol)}.hb".encode()


def symbol_topics(symbol: str | None) -> bytes:
    """Prefix that all of a symbol's topics have and no other symbol's; with None that of every symbol."""
    return b"sig." if symbol is None else f"sig.{encode_symbol(symbol)}.".encode()
