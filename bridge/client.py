"""A client of the bridge: signals in order, and nothing missed without its caller hearing of it."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from secrets import token_hex
from types import TracebackType

import structlog
import zmq

from bridge.curve import protect_client
from bridge.ea_lines import PresenceLine
from bridge.events import Event
from bridge.follower import Follower
from bridge.keys import Keys
from bridge.lines import (
    EndLine,
    HeartbeatLine,
    HelloLine,
    SignalLine,
    decode_line,
    encode_line,
    heartbeat_topic,
    signal_topic,
    symbol_topics,
)
from bridge.listener import Addresses
from bridge.signature import LINE_BYTES_MAX
from bridge.stats import ClientStats
from bridge.trust import OWNER
from shared.clock import Clock, SystemClock
from shared.errors import JunkError

PRESENCE_S = 5.0
HELLO_AGAIN_S = 1.0
"""An answer that has made no progress for so long is asked for again."""
_TURN_MS = 100
_LINES_A_TURN = 256
_SIGNALS_WAITING_MAX = 4_096  # beyond it they wait at the bridge
_PING_MS, _PING_TIMEOUT_MS = 5_000, 20_000
_log = structlog.get_logger()


class SignalClient:
    """Receives one symbol's signals, or all.

    While a HELLO is unanswered the SUB socket is left unread: ZeroMQ keeps its lines in order, and those that
    the answer covers are dropped by their number afterwards. So its memory is one integer a symbol.

    Parameters
    ----------
    addresses
        Where the bridge listens.
    keys
        The bridge's, to check its lines; the client's, to sign HELLO.
    symbol
        The symbol as the broker spells it; None for all.
    client_id
        1 to 32 of ``A-Za-z0-9_-``; made up where None.
    stop
        Ends ``events`` when set.
    security
        What the bridge asks for, as ``bridge.security``.
    """

    def __init__(
        self,
        addresses: Addresses,
        keys: Keys,
        *,
        symbol: str | None = None,
        client_id: str | None = None,
        clock: Clock | None = None,
        stop: threading.Event | None = None,
        security: str = "none",
    ) -> None:
        self._keys, self._symbol, self._security = keys, symbol, security
        self._id = client_id or (f"py-{token_hex(6)}" if keys.name == OWNER else keys.name)
        self._presence_due_s = 0.0
        self._clock, self._stop = clock or SystemClock(), stop or threading.Event()
        self.stats = ClientStats()
        self._follower = Follower(symbol, self.stats)
        self._hello_due_s = self._clock.monotonic_s()
        topics = symbol_topics(symbol)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._signals = self._connected(zmq.SUB, addresses.signals)
        self._signals.setsockopt(zmq.SUBSCRIBE, topics)
        self._answers = self._connected(zmq.DEALER, addresses.requests)

    def _connected(self, kind: int, address: str) -> "zmq.Socket[bytes]":
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.MAXMSGSIZE, LINE_BYTES_MAX)
        socket.setsockopt(zmq.HEARTBEAT_IVL, _PING_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _PING_TIMEOUT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1_000)
        socket.setsockopt(zmq.RCVHWM, _SIGNALS_WAITING_MAX)
        me = self._keys.me
        if self._security == "plain":
            socket.plain_username, socket.plain_password = me.user.encode(), me.password.encode()
        elif self._security == "curve":
            protect_client(socket, me.curve_secret, self._keys.curve_public)
        if kind == zmq.DEALER:
            socket.setsockopt(zmq.IMMEDIATE, 1)  # no HELLOs piling up for a bridge that is away
        socket.connect(address)
        return socket

    def __enter__(self) -> "SignalClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets."""
        self._context.destroy(linger=0)

    def events(self, idle_s: float | None = None) -> Iterator[Event]:
        """Yield signals and resynchronisations as they come.

        Parameters
        ----------
        idle_s
            End after so long without an event; None: only when ``stop`` is set.
        """
        poller = zmq.Poller()
        quiet_since_s = self._clock.monotonic_s()
        while not self._stop.is_set():
            self._say_hello()
            self._say_presence()
            poller.register(self._answers, zmq.POLLIN)
            poller.register(self._signals, 0 if self._follower.question else zmq.POLLIN)
            poller.poll(_TURN_MS)
            for event in self._turn():
                yield event
                quiet_since_s = self._clock.monotonic_s()
            if idle_s is not None and self._clock.monotonic_s() - quiet_since_s > idle_s:
                return

    def _turn(self) -> Iterator[Event]:
        for _ in range(_LINES_A_TURN):
            frames = _received(self._answers)
            if not frames:
                break
            event = self._take_answer(frames)
            if event is not None:
                yield event
        for _ in range(_LINES_A_TURN):
            frames = [] if self._follower.question else _received(self._signals)
            if not frames:
                break
            event = self._take_live(frames)
            if event is not None:
                yield event

    def _say_hello(self) -> None:
        """Send the HELLO that is due: a new question's at once, an old one's when its answer stopped."""
        follower, now_s = self._follower, self._clock.monotonic_s()
        if follower.question is None or now_s < self._hello_due_s:
            return
        question = follower.renew(follower.question)
        seq = follower.seq(question.symbol)
        hello = HelloLine(self._id, question.symbol, follower.session, seq, self._clock.now_ms())
        try:
            self._answers.send(encode_line(hello, self._keys.client), zmq.NOBLOCK)
        except zmq.Again:
            return  # not connected; looked at again next turn
        self._hello_due_s = now_s + HELLO_AGAIN_S
        self.stats.hellos += 1

    def _say_presence(self) -> None:
        """Tell how far it is now and then, so that who watches the bridge sees who is behind."""
        follower, now_s = self._follower, self._clock.monotonic_s()
        if follower.question is not None or now_s < self._presence_due_s:
            return
        self._presence_due_s = now_s + PRESENCE_S
        line = PresenceLine(self._id, self._symbol, follower.session, follower.progress, self._clock.now_ms())
        with suppress(zmq.Again):  # not connected
            self._answers.send(encode_line(line, self._keys.client), zmq.NOBLOCK)

    def _take_answer(self, frames: list[bytes]) -> Event | None:
        try:
            line = decode_line(frames[-1], self._keys.bridge)
            _require(isinstance(line, SignalLine | EndLine) and len(frames) == 1, "kind: no line of an answer")
        except JunkError as error:
            self._refuse(error)
            return None
        assert isinstance(line, SignalLine | EndLine)
        event = self._follower.answer(line, self._clock.now_us())
        # Whatever comes puts the next HELLO off; when all has come, a new question may be sent at once.
        now_s = self._clock.monotonic_s()
        self._hello_due_s = now_s + HELLO_AGAIN_S if self._follower.question else now_s
        return event

    def _take_live(self, frames: list[bytes]) -> Event | None:
        try:
            line = decode_line(frames[-1], self._keys.bridge)
            if isinstance(line, SignalLine):
                _require(not line.snapshot, "kind: a snapshot outside of an answer")
                symbol, topic = line.prediction.series.symbol, signal_topic(line.prediction)
            else:
                _require(isinstance(line, HeartbeatLine), "kind: no line of a subscription")
                assert isinstance(line, HeartbeatLine)
                symbol, topic = line.symbol, heartbeat_topic(line.symbol)
            _require(frames[:-1] == [topic], "topic: not that of the line")
            _require(self._symbol in {None, symbol}, "symbol: not the one subscribed to")
        except JunkError as error:
            self._refuse(error)
            return None
        return self._follower.live(line, symbol, self._clock.now_us())

    def _refuse(self, error: JunkError) -> None:
        self.stats.junk += 1
        _log.warning("line_refused", reason=str(error))


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise JunkError(otherwise)


def _received(socket: "zmq.Socket[bytes]") -> list[bytes]:
    """Frames of the next message; none where none waits."""
    try:
        return socket.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return []
