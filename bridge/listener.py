"""The bridge's two listening sockets: bounds on what comes in, on what waits to go out, and on lingering."""

import ipaddress
import re
from collections.abc import Set
from dataclasses import dataclass

import zmq
from zmq.utils.monitor import recv_monitor_message

from bridge.bulk import BULK_BYTES_MAX
from bridge.curve import protect_server
from bridge.doorkeeper import Doorkeeper
from bridge.signature import LINE_BYTES_MAX
from bridge.stats import BridgeStats
from bridge.trust import Trust
from shared.errors import InputError
from shared.settings.groups import BridgeSettings

SIGNALS_WAITING_MAX = 262_144
"""Lines a subscriber may be behind before lines to it are dropped: a replay of 200,000 at full speed fits."""
ANSWER_LINES_WAITING_MAX = 32_768
REQUESTS_WAITING_MAX = 512
"""Requests of one client that are read ahead; the rest waits at the client."""
LINGER_MS = 2_000
"""Longest wait at the end for clients to take what was sent."""
_PING_MS, _PING_TIMEOUT_MS = 10_000, 30_000  # a client that is gone without a word frees its queue
_HANDSHAKE_MS = 5_000  # longest handshake
_STUCK_MS = 60_000  # a client whose computer takes nothing for so long is given up
_SIGNALS, _REQUESTS = b"signals", b"requests"
_ADDRESS = re.compile(r"tcp://([0-9.]+):(\d{1,5}|\*)")


@dataclass(frozen=True)
class Addresses:
    """Where clients connect: for signals (SUB), and for HELLO (DEALER)."""

    signals: str
    requests: str


def check_address(field: str, address: str, security: str) -> None:
    """Accept an IPv4 address and a port (``*``: any free one); another than loopback only with credentials.

    Raises
    ------
    InputError
        Anything else.
    """
    found = _ADDRESS.fullmatch(address)
    try:
        host = ipaddress.IPv4Address(found[1]) if found and (found[2] == "*" or int(found[2]) < 65_536) else None
    except ValueError:
        host = None
    if host is not None and (host.is_loopback or security != "none"):
        return
    rule = "must be an IPv4 loopback address and a port"
    mend = "write tcp://127.0.0.1:PORT"
    if host is not None:
        rule += " while clients need no credentials"
        mend += ", or set bridge.security to plain or curve"
    raise InputError(field, address, rule, mend)


def check_addresses(settings: BridgeSettings) -> None:
    """Accept the addresses of a bridge, those for CURVE beside PLAIN among them.

    Raises
    ------
    InputError
        As ``check_address``; CURVE's beside anything but PLAIN, or one of them alone.
    """
    check_address("bridge.signals_bind", settings.signals_bind, settings.security)
    check_address("bridge.requests_bind", settings.requests_bind, settings.security)
    names = "curve_signals_bind", "curve_requests_bind"
    second = {f"bridge.{name}": getattr(settings, name) for name in names}
    if not any(second.values()):
        return
    for field, address in second.items():
        if settings.security != "plain":
            mend = "set it, or leave both addresses empty: with security curve clients use the first two"
            raise InputError(field, address, "needs bridge.security = plain beside it", mend)
        check_address(field, address, "curve")


class Listener:
    """Both sockets, bound; each at a second address as well where CURVE is spoken, if the settings name it.

    Neither ever blocks: what a slow client has no room for is dropped; it notices.

    Parameters
    ----------
    trust
        Who may come in; None: nobody, only to see whether the addresses can be had.

    Raises
    ------
    InputError
        An address that is not permitted, or that cannot be bound.
    """

    def __init__(self, settings: BridgeSettings, trust: Trust | None = None, stats: BridgeStats | None = None) -> None:
        check_addresses(settings)
        self._settings, self._trust, self._stats = settings, trust, stats or BridgeStats()
        self._open(
            (settings.signals_bind, settings.curve_signals_bind), (settings.requests_bind, settings.curve_requests_bind)
        )

    def _open(self, signals: tuple[str, str], requests: tuple[str, str]) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._rooms: dict[bytes, set[int]] = {_SIGNALS: set(), _REQUESTS: set()}
        self._monitors: dict[bytes, zmq.Socket[bytes]] = {}
        self._bound: dict[bytes, list[str]] = {}
        try:
            self._doorkeeper: Doorkeeper | None = None
            if self._trust is not None:
                room = self._settings.connections_max
                self._doorkeeper = Doorkeeper(self._context, self._trust, self._stats, self._rooms, room)
            self.signals = self._context.socket(zmq.XPUB)
            self.signals.setsockopt(zmq.SNDHWM, SIGNALS_WAITING_MAX)
            self._bind(self.signals, _SIGNALS, signals, LINE_BYTES_MAX)
            self.requests = self._context.socket(zmq.ROUTER)
            self.requests.setsockopt(zmq.SNDHWM, ANSWER_LINES_WAITING_MAX)
            self.requests.setsockopt(zmq.RCVHWM, REQUESTS_WAITING_MAX)
            self.requests.setsockopt(zmq.ROUTER_HANDOVER, 1)
            self._bind(self.requests, _REQUESTS, requests, BULK_BYTES_MAX)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def believe(self, trust: Trust) -> None:
        """Go by other keys for those who come from here on."""
        self._trust = trust
        if self._doorkeeper is not None:
            self._doorkeeper.trust = trust

    def reopen(self) -> None:
        """Close every connection, and listen at the same addresses again."""
        first, second = self.addresses, self.curve_addresses
        self._context.destroy(linger=0)
        self._open((first.signals, second.signals), (first.requests, second.requests))

    def _bind(self, socket: "zmq.Socket[bytes]", domain: bytes, at: tuple[str, str], frame_bytes_max: int) -> None:
        socket.setsockopt(zmq.MAXMSGSIZE, frame_bytes_max)
        socket.setsockopt(zmq.HEARTBEAT_IVL, _PING_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _PING_TIMEOUT_MS)
        socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
        socket.setsockopt(zmq.TCP_MAXRT, _STUCK_MS)
        if self._doorkeeper is not None:
            self._monitors[domain] = socket.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
            socket.setsockopt(zmq.ZAP_DOMAIN, domain)
        self._bound[domain] = [self._bind_one(socket, domain, "", at[0], self._settings.security)]
        if at[1]:  # libzmq's mechanism is that of the moment an address is bound
            self._bound[domain].append(self._bind_one(socket, domain, "curve_", at[1], "curve"))

    def _bind_one(self, socket: "zmq.Socket[bytes]", domain: bytes, prefix: str, address: str, security: str) -> str:
        """Bind to an address; returns it with its port filled in."""
        if self._doorkeeper is not None:
            socket.plain_server = security == "plain"
            if security == "curve":
                protect_server(socket, self._doorkeeper.trust.curve_secret)
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            field = f"bridge.{prefix}{domain.decode()}_bind"
            raise InputError(field, address, f"cannot be bound ({error})", "choose a free port") from None
        return _text(socket.getsockopt(zmq.LAST_ENDPOINT))

    def watched(self) -> list["zmq.Socket[bytes]"]:
        """Sockets to poll."""
        doors = [self._doorkeeper.socket] if self._doorkeeper else []
        return [self.signals, self.requests, *doors, *self._monitors.values()]

    def attend(self, ready: Set[object]) -> None:
        """Count who is connected, and answer who wants to be, where ``ready`` holds the socket that says so."""
        asked = self._doorkeeper is not None and self._doorkeeper.socket in ready  # who asks is counted before
        for domain, monitor in self._monitors.items():
            while (asked or monitor in ready) and monitor.poll(0):
                event = recv_monitor_message(monitor)
                if event["event"] == zmq.EVENT_ACCEPTED:
                    self._rooms[domain].add(event["value"])
                else:
                    self._rooms[domain].discard(event["value"])
        if self._doorkeeper is not None and self._doorkeeper.socket in ready:
            self._doorkeeper.attend()

    @property
    def connections(self) -> int:
        """Clients connected to the socket of signals."""
        return len(self._rooms[_SIGNALS])

    def request(self) -> tuple[bytes, list[bytes], str | None] | None:
        """Connection, frames and user of the next request, None where none waits; no user where none is asked for."""
        try:
            peer, *frames = self.requests.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        user = None  # without credentials libzmq does not say
        if self._settings.security != "none":
            user = str((frames or [peer])[-1].get("User-Id"))
        return peer.bytes, [frame.bytes for frame in frames], user

    @property
    def addresses(self) -> Addresses:
        """Where clients connect, the ports filled in."""
        return Addresses(self._bound[_SIGNALS][0], self._bound[_REQUESTS][0])

    @property
    def curve_addresses(self) -> Addresses:
        """Where those connect that speak CURVE beside others that do not; empty where nobody does."""
        return Addresses(*("".join(self._bound[domain][1:]) for domain in (_SIGNALS, _REQUESTS)))

    def close(self) -> None:
        """Close both, waiting at most ``LINGER_MS`` for what was sent to leave."""
        self._context.destroy(linger=LINGER_MS)


def _text(endpoint: int | bytes) -> str:
    assert isinstance(endpoint, bytes)
    return endpoint.rstrip(b"\0").decode()
