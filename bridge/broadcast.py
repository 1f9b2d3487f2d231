"""The signals' side of a bridge: a session's numbers, its lines on the XPUB socket, and its heartbeats."""

from collections.abc import Iterable

import zmq

from bridge.ledger import Entry, Ledger
from bridge.lines import HeartbeatLine, encode_line, encode_signal, heartbeat_topic, signal_body, signal_topic
from bridge.listener import Listener
from bridge.stats import BridgeStats
from bridge.subscriptions import Subscriptions
from shared.clock import Clock
from shared.contracts import Reason
from shared.delivery import DeliveryReasons

HEARTBEAT_S = 1.0
PROMPT_US = 1_000_000  # a signal that leaves later after its candle's admission spends the service level's budget
_SLICE = 64  # heartbeats between two looks at what is new
_REPORTS_A_TURN = 1_024  # of subscriptions


class Broadcast:
    """Publishes one session after another.

    Parameters
    ----------
    key
        What lines are signed with.
    """

    def __init__(
        self, listener: Listener, key: bytes, clock: Clock, stats: BridgeStats, reasons: DeliveryReasons
    ) -> None:
        self.key = key
        self._listener, self._clock, self._stats, self._reasons = listener, clock, stats, reasons
        self._subscriptions = Subscriptions()
        self.ledger: Ledger | None = None
        self._beats: list[str] = []
        self._beat_due_s = 0.0

    def begin(self, ledger: Ledger) -> None:
        """Begin a session; clients learn of it at once."""
        self.ledger = ledger
        self._beats, self._beat_due_s = [], 0.0
        self._stats.sessions += 1

    def forget_subscribers(self) -> None:
        """All connections were closed: who comes back subscribes again."""
        self._subscriptions = Subscriptions()

    @property
    def patience_s(self) -> float:
        """How long nothing is due."""
        return 0.0 if self._beats else max(0.0, self._beat_due_s - self._clock.monotonic_s())

    def publish(self, entries: Iterable[Entry]) -> None:
        """Number and send predictions of the session."""
        assert self.ledger is not None
        for entry in entries:
            for spelt in self.ledger.spellings(entry):
                seq = self.ledger.append(spelt)
                if seq is None:
                    self._stats.repeats += 1
                else:
                    self._send_signal(spelt, self.ledger.session, seq)

    def _send_signal(self, entry: Entry, session: str, seq: int) -> None:
        sent_ms = self._clock.now_ms()
        reasons = self._reasons.of(entry.prediction, sent_ms)
        body = signal_body(entry.prediction, reasons) if reasons else entry.body
        line = encode_signal(session, seq, sent_ms, body, self.key)
        self._listener.signals.send_multipart([signal_topic(entry.prediction), line])
        self._stats.lines_sent += 1
        if not entry.prediction.reasons & Reason.REPLAY:
            self._stats.signals_live += 1
            self._stats.signals_prompt += 1_000 * sent_ms - entry.prediction.admitted_us <= PROMPT_US

    def take_subscriptions(self) -> None:
        """Note what clients subscribe to."""
        for _ in range(_REPORTS_A_TURN):
            try:
                self._subscriptions.take(self._listener.signals.recv(zmq.NOBLOCK))
            except zmq.Again:
                return

    def send_heartbeats(self) -> None:
        """Send a slice of this second's heartbeats; the last number of each symbol is taken as it leaves."""
        assert self.ledger is not None
        now_s, ledger = self._clock.monotonic_s(), self.ledger
        if not self._beats and now_s >= self._beat_due_s:
            self._beats = list(self._subscriptions.symbols.union(ledger.symbols))
            self._beat_due_s = now_s + HEARTBEAT_S
        for symbol in self._beats[-_SLICE:]:
            beat = HeartbeatLine(ledger.session, ledger.seq(symbol), self._clock.now_ms(), symbol)
            self._listener.signals.send_multipart([heartbeat_topic(symbol), encode_line(beat, self.key)])
            self._stats.heartbeats_sent += 1
        del self._beats[-_SLICE:]
