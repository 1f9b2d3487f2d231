"""The bridge: predictions out as signed lines, candles and acks of Expert Advisors in."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Set
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from secrets import token_hex

import redis
import structlog
import zmq

from bridge.broadcast import Broadcast
from bridge.desk import HELLO, Desk
from bridge.enrolment import KeyFile
from bridge.intake import Intake
from bridge.ledger import RING_LINES, Ledger
from bridge.listener import Addresses, Listener, check_addresses
from bridge.log_reader import Baseline, Condemn, End, LogReader, Read
from bridge.presences import SERVICE, Presences
from bridge.stats import BridgeStats
from bridge.trust import Trust
from shared.clock import Clock
from shared.dead_letters import condemn as bury
from shared.delivery import DeliveryReasons
from shared.errors import SettingError
from shared.membership import TIME_TO_LIVE_MS, Membership
from shared.metrics import BridgeMetrics
from shared.monitor import MonitorDoor
from shared.names import Names
from shared.passages import PassageNote
from shared.readiness import Readiness
from shared.service import ServiceContext, open_service
from shared.settings.groups import BridgeSettings, Settings, SystemSettings

_TURN_MS = 100  # longest wait of a turn
_SLICE = 64  # lines of answers between two looks at what is new
_REQUESTS_A_TURN = 256
_ANSWERS_MAX = 1_024  # connections that are being answered
_SYSTEM = SystemSettings()
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
    renewed
        Asked once a second: other keys, where they have changed.

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
        keys: Trust,
        *,
        clock: Clock,
        stop: threading.Event,
        condemn: Condemn = bury,
        session_ids: Callable[[], str] = lambda: token_hex(8),
        readiness: Readiness | None = None,
        instance: str = SERVICE,
        system: SystemSettings = _SYSTEM,
        renewed: Callable[[], Trust | None] = lambda: None,
        ring_lines: int = RING_LINES,
    ) -> None:
        self.stats = BridgeStats()
        self._listener = Listener(settings, keys, self.stats)
        self._clock, self._session_ids, self._instance = clock, session_ids, instance
        self._renewed, self._ring_lines = renewed, ring_lines
        self._reasons = DeliveryReasons(names, clock)
        self._presences, self._document = Presences(), ""
        self.client_lag_lines = 0
        self._intake = Intake(broker_url, names, system, clock, self.stats, self._show_clients)
        self._names = names
        self._desk = Desk(keys, clock, self.stats, self._reasons, self._intake, self._presences)
        self._broadcast = Broadcast(self._listener, keys.bridge, clock, self.stats, self._reasons)
        self._answering: OrderedDict[bytes, Iterator[bytes]] = OrderedDict()
        self._second_s = 0.0
        self._reader = LogReader(broker_url, names, self._reasons, condemn, stop, readiness or Readiness("broker"))

    @property
    def curve_addresses(self) -> Addresses:
        """Where clients that speak CURVE connect, beside those with passwords."""
        return self._listener.curve_addresses

    @property
    def connections(self) -> int:
        """Clients connected to the socket of signals."""
        return self._listener.connections

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
        self._intake.start()
        self._poller = self._watch()
        waited_for = False
        try:
            while True:
                ready = {waiting for waiting, _ in self._poller.poll(self._patience_ms())}
                item = self._reader.item() if self._reader.fileno() in ready else None
                if isinstance(item, End):
                    if item.error is not None:
                        raise item.error
                    return self.stats
                self._turn(item, ready)
                if self._broadcast.ledger is not None and not waited_for:
                    waited_for = True
                    on_ready(self._listener.addresses)
        finally:
            self._reader.close()
            self._intake.close()
            self._listener.close()
            _log.info("bridge_stopped", stats=self.stats)

    def _watch(self) -> zmq.Poller:
        poller = zmq.Poller()
        for waits in (self._reader.fileno(), self._intake.fileno(), *self._listener.watched()):
            poller.register(waits, zmq.POLLIN)
        return poller

    def _patience_ms(self) -> int:
        """How long a turn may wait for something new."""
        if self._broadcast.ledger is None:
            return _TURN_MS
        return 0 if self._answering else min(_TURN_MS, round(1_000 * self._broadcast.patience_s))

    def _turn(self, item: Baseline | Read | None, ready: Set[object]) -> None:
        """Do what is to be done; ``ready`` are the sockets with something to read. Signals go first."""
        if isinstance(item, Baseline):
            self.stats.holes += item.hole
            self._begin_session(Ledger(self._session_ids(), item.newest, self._ring_lines))
        elif isinstance(item, Read):
            self._publish(item)
        self._listener.attend(ready)
        if self._listener.signals in ready:
            self._broadcast.take_subscriptions()
        if self._listener.requests in ready:
            self._take_requests()
        self._tend_clients()
        ledger = self._broadcast.ledger
        if ledger is None:
            return
        for peer, line in self._desk.replies(ledger.session):
            self._listener.requests.send_multipart([peer, line])
        self._send_answers()
        self._broadcast.send_heartbeats()

    def _begin_session(self, ledger: Ledger) -> None:
        self._broadcast.begin(ledger)
        self._answering.clear()
        _log.info("session_begun", session=ledger.session, symbols=len(ledger.symbols))

    def _publish(self, read: Read) -> None:
        self.stats.junk += read.junk
        self._broadcast.publish(read.entries)
        for span in read.spans:
            note = PassageNote(SERVICE, self._instance, span.after, span.last, span.entries, self._clock.now_us())
            self._reader.note(span.partition, note)

    def _tend_clients(self) -> None:
        """Once a second: take over other keys, and say who is connected and who is behind."""
        now_s = self._clock.monotonic_s()
        if now_s < self._second_s:
            return
        self._second_s = now_s + 1.0
        trust = self._renewed()
        if trust is not None:
            self._believe(trust)
        if self._broadcast.ledger is not None:
            self._broadcast.ledger.settle()
        self.client_lag_lines = self._presences.lag_lines(self._clock.now_ms())
        self._document = json.dumps({"connections": self.connections, "clients": self._presences.document()})

    def _believe(self, trust: Trust) -> None:
        """Go by other keys. Where the bridge's own is another, somebody was sent away: everybody must log on again."""
        same = trust.bridge == self._broadcast.key
        self._desk.believe(trust)
        self._listener.believe(trust)
        _log.info("keys_renewed", bridge_key="kept" if same else "rotated")
        if same:
            return
        self._broadcast.key = trust.bridge
        self._listener.reopen()
        self._broadcast.forget_subscribers()
        self._poller = self._watch()
        if self._broadcast.ledger is not None:
            self._begin_session(self._broadcast.ledger.renewed(self._session_ids()))

    def _show_clients(self, client: redis.Redis) -> None:
        """Called in the intake's thread, once a second."""
        client.set(self._names.bridge_clients(self._instance), self._document, px=TIME_TO_LIVE_MS)
        Membership(client, self._names, SERVICE, self._instance, self._clock).renew()

    def _take_requests(self) -> None:
        for _ in range(_REQUESTS_A_TURN):
            request = self._listener.request()
            if request is None:
                return
            peer, frames, user = request
            ledger = self._broadcast.ledger
            answerable = ledger is not None and peer not in self._answering
            if frames and frames[0].startswith(HELLO) and not (answerable and len(self._answering) < _ANSWERS_MAX):
                continue  # nothing is known yet, or its answer is on its way; the client asks again
            lines = self._desk.take(peer, frames, user, ledger)
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
    check_addresses(settings.bridge)
    file = KeyFile(Path(settings.bridge.keys))
    metrics = BridgeMetrics()
    door = MonitorDoor.of(settings.system)
    context = context or open_service(SERVICE, settings, lambda: metrics.serve(settings.bridge.metrics_port, door))
    bridge = Bridge(
        settings.system.broker_url,
        context.names,
        settings.bridge,
        file.keys,
        clock=context.clock,
        stop=context.stop,
        readiness=metrics.readiness,
        ring_lines=min(RING_LINES, settings.system.predictions_keep),
        instance=context.instance,
        system=settings.system,
        renewed=file.renewed,
    )
    metrics.count_by(lambda: asdict(bridge.stats))
    metrics.connections.set_function(lambda: bridge.connections)
    metrics.client_lag.set_function(lambda: bridge.client_lag_lines)
    return bridge.serve(on_ready)
