"""Answers to HELLO: the lines a client lacks, from the ring where it holds them, else a snapshot."""

from collections.abc import Callable, Iterator

import structlog

from bridge.ledger import Ledger
from bridge.lines import EndLine, HelloLine, decode_line, encode_line, encode_signal, signal_body
from bridge.rate_limit import HELLOS, RateLimit
from bridge.stats import BridgeStats
from bridge.trust import Client, Trust, claimed_client
from shared.clock import Clock
from shared.codec import decode_prediction
from shared.delivery import DeliveryReasons
from shared.errors import JunkError

_log = structlog.get_logger()


Heard = Callable[[HelloLine, Client, Ledger], None]


class Answers:
    """Reads HELLOs and makes the lines that answer them, one by one: nothing waits for a long answer.

    Parameters
    ----------
    heard
        Told of each HELLO that is answered, before it is.
    """

    def __init__(
        self,
        trust: Trust,
        clock: Clock,
        stats: BridgeStats,
        reasons: DeliveryReasons,
        heard: Heard = lambda *_: None,
    ) -> None:
        self.trust = trust
        self._clock, self._stats, self._reasons, self._heard = clock, stats, reasons, heard
        self._limit = RateLimit(clock, HELLOS)

    def to(self, data: bytes, ledger: Ledger) -> Iterator[bytes] | None:
        """Lines that answer a HELLO; None where it is refused.

        Made lazily; a symbol's lines are fixed when its turn comes, what follows reaches the client live.
        """
        try:
            client = claimed_client(data, self.trust)
            hello = decode_line(data, client.key)
        except JunkError as error:
            self._refuse(str(error))
            return None
        if not isinstance(hello, HelloLine):
            self._refuse("kind: only H1 is answered")
            return None
        if not self._limit.admits(hello.client):
            self._refuse(f"client {hello.client}: above the rate limit")
            return None
        self._stats.hellos += 1
        self._heard(hello, client, ledger)
        if hello.symbol is None:
            return self._everything(ledger)
        return self._symbol(hello.symbol, ledger, hello)

    def _refuse(self, reason: str) -> None:
        self._stats.hellos_refused += 1
        _log.warning("hello_refused", reason=reason)

    def _everything(self, ledger: Ledger) -> Iterator[bytes]:
        symbols = ledger.symbols
        for symbol in symbols:
            yield from self._symbol(symbol, ledger, None)
        yield self._end(ledger.session, 0, None, len(symbols))

    def _symbol(self, symbol: str, ledger: Ledger, hello: HelloLine | None) -> Iterator[bytes]:
        seq = ledger.seq(symbol)
        missing = None
        if hello is not None and hello.session == ledger.session:
            missing = ledger.since(symbol, hello.seq)
        if missing is not None:
            self._stats.ring_answers += 1
            for number, message in enumerate(missing, seq - len(missing) + 1):
                yield self._signal(ledger.session, number, message)
            yield self._end(ledger.session, seq, symbol, len(missing))
        else:
            self._stats.snapshots += 1
            newest = ledger.newest(symbol)
            for message in newest:
                yield self._signal(ledger.session, seq, message, snapshot=True)
            yield self._end(ledger.session, seq, symbol, len(newest))

    def _signal(self, session: str, seq: int, message: bytes, *, snapshot: bool = False) -> bytes:
        prediction, sent_ms = decode_prediction(message), self._clock.now_ms()
        body = signal_body(prediction, self._reasons.of(prediction, sent_ms))
        return encode_signal(session, seq, sent_ms, body, self.trust.bridge, snapshot=snapshot)

    def _end(self, session: str, seq: int, symbol: str | None, count: int) -> bytes:
        return encode_line(EndLine(session, seq, self._clock.now_ms(), symbol, count), self.trust.bridge)
