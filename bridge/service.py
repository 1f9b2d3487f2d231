"""The bridge: predictions out as signed lines, numbered without holes, and answers to HELLO."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from secrets import token_hex

import structlog
import zmq

from bridge.answers import Answers
from bridge.keys import Keys, load_or_create_keys
from bridge.ledger import RING_LINES, Entry, Ledger
from bridge.lines import HeartbeatLine, encode_line, encode_signal, heartbeat_topic, signal_body, signal_topic
from bridge.listener import Addresses, Listener, check_loopback
from bridge.log_reader import Baseline, Condemn, End, LogReader, Read
from bridge.stats import BridgeStats
from bridge.subscriptions import Subscriptions
from shared.clock import Clock
from shared.dead_letters import condemn as bury
from shared.delivery import DeliveryReasons
from shared.errors import SettingError
from shared.metrics import BridgeMetrics
from shared.names import Names
from shared.passages import PassageNote
from shared.readiness import Readiness
from shared.service import ServiceContext, open_service
from shared.settings.groups import BridgeSettings, Settings

SERVICE = "bridge"
HEARTBEAT_S = 1.0
_TURN_MS = 100  # longest wait of a turn
_SLICE = 64  # lines of answers or heartbeats between two looks at what is new
_HELLOS_A_TURN = 64
_ANSWERS_MAX = 1_024  # connections that are being answered
_log = structlog.get_logger()


class Bridge:
    """One bridge: its sockets are bound when it exists, and closed when ``serve`` returns.

    Parameters
    ----------
    broker_url, names
        The broker and its keys; a thread of its own reads there, so a slow broker delays no answer.
    condemn
        Takes an undecodable entry off a predictions log.
    session_ids
        Makes a session's id: 16 hex digits that never come twice.
    readiness
        Told whether the broker can be read.
    instance
        Its name in the notes that ``natron trace`` reads.

    Raises
    ------
    InputError
        An address that is not loopback, or that cannot be bound.
    """

    def __init__(
        self,
        broker_url: str,
        names: Names,
        settings: BridgeSettings,
        keys: Keys,
        *,
        clock: Clock,
        stop: threading.Event,
        condemn: Condemn = bury,
        session_ids: Callable[[], str] = lambda: token_hex(8),
        readiness: Readiness | None = None,
        instance: str = SERVICE,
        ring_lines: int = RING_LINES,
    ) -> None:
        self._instance, self._ring_lines = instance, ring_lines
        self._key, self._clock, self._session_ids = keys.bridge, clock, session_ids
        self.stats = BridgeStats()
        self._reasons = DeliveryReasons(names, clock)
        self._answers = Answers(keys, clock, self.stats, self._reasons)
        self._answering: OrderedDict[bytes, Iterator[bytes]] = OrderedDict()
        self._subscriptions = Subscriptions()
        self._ledger: Ledger | None = None
        self._beats: list[str] = []
        self._beat_due_s = 0.0
        self._listener = Listener(settings)
        self._reader = LogReader(broker_url, names, self._reasons, condemn, stop, readiness or Readiness("broker"))

    def serve(self, on_ready: Callable[[Addresses], None] = lambda _: None) -> BridgeStats:
        """Serve until stopped; what was read by then is still sent.

        Parameters
        ----------
        on_ready
            Called once, as soon as the logs are being read.

        Raises
        ------
        SystemicError
            The broker is unfit, or holds another schema.
        """
        self._reader.start()
        poller = zmq.Poller()
        poller.register(self._reader.fileno(), zmq.POLLIN)
        poller.register(self._listener.signals, zmq.POLLIN)
        poller.register(self._listener.requests, zmq.POLLIN)
        waited_for = False
        try:
            while True:
                poller.poll(self._patience_ms())
                item = self._reader.item()
                if isinstance(item, End):
                    if item.error is not None:
                        raise item.error
                    return self.stats
                self._turn(item)
                if self._ledger is not None and not waited_for:
                    waited_for = True
                    on_ready(self._listener.addresses)
        finally:
            self._reader.close()
            self._listener.close()
            _log.info("bridge_stopped", stats=self.stats)

    def _patience_ms(self) -> int:
        """How long a turn may wait for something new."""
        if self._ledger is None:
            return _TURN_MS
        if self._answering or self._beats:
            return 0
        return max(0, min(_TURN_MS, round(1_000 * (self._beat_due_s - self._clock.monotonic_s()))))

    def _turn(self, item: Baseline | Read | None) -> None:
        if isinstance(item, Baseline):
            self._begin_session(item)
        self._take_subscriptions()
        self._take_hellos()
        if self._ledger is None:
            return
        if isinstance(item, Read):
            self._publish(item, self._ledger)
        self._send_answers()
        self._send_heartbeats(self._ledger)

    def _begin_session(self, baseline: Baseline) -> None:
        self._ledger = Ledger(self._session_ids(), baseline.newest, self._ring_lines)
        self._answering.clear()
        self._beats, self._beat_due_s = [], 0.0  # clients learn of it at once
        self.stats.sessions += 1
        self.stats.holes += baseline.hole
        _log.info("session_begun", session=self._ledger.session, series=len(baseline.newest), hole=baseline.hole)

    def _publish(self, read: Read, ledger: Ledger) -> None:
        self.stats.junk += read.junk
        for entry in read.entries:
            seq = ledger.append(entry)
            if seq is None:
                self.stats.repeats += 1
            else:
                self._send_signal(entry, ledger.session, seq)
        for span in read.spans:
            note = PassageNote(SERVICE, self._instance, span.after, span.last, span.entries, self._clock.now_us())
            self._reader.note(span.partition, note)

    def _send_signal(self, entry: Entry, session: str, seq: int) -> None:
        sent_ms = self._clock.now_ms()
        reasons = self._reasons.of(entry.prediction, sent_ms)
        body = signal_body(entry.prediction, reasons) if reasons else entry.body
        line = encode_signal(session, seq, sent_ms, body, self._key)
        self._listener.signals.send_multipart([signal_topic(entry.prediction), line])
        self.stats.lines_sent += 1

    def _take_subscriptions(self) -> None:
        while True:
            try:
                self._subscriptions.take(self._listener.signals.recv(zmq.NOBLOCK))
            except zmq.Again:
                return

    def _take_hellos(self) -> None:
        for _ in range(_HELLOS_A_TURN):
            try:
                frames = self._listener.requests.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if self._ledger is None:
                continue  # nothing is known yet; the client asks again
            peer = frames[0]
            if len(frames) != 2 or len(self._answering) >= _ANSWERS_MAX:
                self.stats.hellos_refused += 1
            elif peer not in self._answering:  # else its answer is on its way
                lines = self._answers.to(frames[1], self._ledger)
                if lines is not None:
                    self._answering[peer] = lines

    def _send_answers(self) -> None:
        """Send a slice of the answer whose turn it is."""
        if not self._answering:
            return
        peer, lines = self._answering.popitem(last=False)
        piece = list(islice(lines, _SLICE))
        for line in piece:
            self._listener.requests.send_multipart([peer, line])
        if len(piece) == _SLICE:
            self._answering[peer] = lines

    def _send_heartbeats(self, ledger: Ledger) -> None:
        """Send a slice of this second's heartbeats; the last number of each symbol is taken as it leaves."""
        now_s = self._clock.monotonic_s()
        if not self._beats and now_s >= self._beat_due_s:
            self._beats = list(self._subscriptions.symbols.union(ledger.symbols))
            self._beat_due_s = now_s + HEARTBEAT_S
        for symbol in self._beats[-_SLICE:]:
            beat = HeartbeatLine(ledger.session, ledger.seq(symbol), self._clock.now_ms(), symbol)
            self._listener.signals.send_multipart([heartbeat_topic(symbol), encode_line(beat, self._key)])
            self.stats.heartbeats_sent += 1
        del self._beats[-_SLICE:]


def run(
    settings: Settings,
    context: ServiceContext | None = None,
    *,
    on_ready: Callable[[Addresses], None] = lambda _: None,
) -> BridgeStats:
    """Run a bridge until stopped; what was read by then is still sent.

    Blocks.

    Parameters
    ----------
    settings
        With ``system.broker_url`` and ``bridge.keys`` filled in; a key file that does not exist is made.
    on_ready
        Called once with the addresses clients connect to, as soon as the logs are being read.

    Raises
    ------
    InputError
        An address that is not loopback or is taken, or a key file that cannot be used.
    SystemicError
        The broker is unfit, or holds another schema.
    """
    if not settings.bridge.keys:
        raise SettingError("bridge.keys", "", "must name a file", "set it, or start the system with `natron up`")
    check_loopback("bridge.signals_bind", settings.bridge.signals_bind)
    check_loopback("bridge.requests_bind", settings.bridge.requests_bind)
    keys = load_or_create_keys(Path(settings.bridge.keys))
    metrics = BridgeMetrics()
    context = context or open_service(SERVICE, settings, lambda: metrics.serve(settings.bridge.metrics_port))
    bridge = Bridge(
        settings.system.broker_url,
        context.names,
        settings.bridge,
        keys,
        clock=context.clock,
        stop=context.stop,
        readiness=metrics.readiness,
        ring_lines=min(RING_LINES, settings.system.predictions_keep),
        instance=context.instance,
    )
    metrics.count_by(lambda: asdict(bridge.stats))
    return bridge.serve(on_ready)
