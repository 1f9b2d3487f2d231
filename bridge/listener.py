"""The bridge's two listening sockets: bounds on what comes in, on what waits to go out, and on lingering."""

import ipaddress
import re
from dataclasses import dataclass

import zmq

from bridge.signature import LINE_BYTES_MAX
from shared.errors import InputError
from shared.settings.groups import BridgeSettings

SIGNALS_WAITING_MAX = 262_144
"""Lines a subscriber may be behind before lines to it are dropped: a replay of 200,000 at full speed fits."""
ANSWER_LINES_WAITING_MAX = 32_768
LINGER_MS = 2_000
"""Longest wait at the end for clients to take what was sent."""
_PING_MS, _PING_TIMEOUT_MS = 10_000, 30_000  # a client that is gone without a word frees its queue
_ADDRESS = re.compile(r"tcp://([0-9.]+):(\d{1,5}|\*)")


@dataclass(frozen=True)
class Addresses:
    """Where clients connect: for signals (SUB), and for HELLO (DEALER)."""

    signals: str
    requests: str


def check_loopback(field: str, address: str) -> None:
    """Accept only an IPv4 loopback address and a port (``*``: any free one).

    Raises
    ------
    InputError
        Anything else: clients have no credentials, so no other machine may connect.
    """
    found = _ADDRESS.fullmatch(address)
    try:
        good = found and ipaddress.IPv4Address(found[1]).is_loopback and (found[2] == "*" or int(found[2]) < 65_536)
    except ValueError:
        good = False
    if not good:
        raise InputError(field, address, "must be an IPv4 loopback address and a port", "write tcp://127.0.0.1:PORT")


class Listener:
    """Both sockets, bound. Neither ever blocks: what a slow client has no room for is dropped; it notices.

    Raises
    ------
    InputError
        An address that is not loopback, or that cannot be bound.
    """

    def __init__(self, settings: BridgeSettings) -> None:
        check_loopback("bridge.signals_bind", settings.signals_bind)
        check_loopback("bridge.requests_bind", settings.requests_bind)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self.signals = self._context.socket(zmq.XPUB)
            self.signals.setsockopt(zmq.SNDHWM, SIGNALS_WAITING_MAX)
            self._bind(self.signals, "bridge.signals_bind", settings.signals_bind)
            self.requests = self._context.socket(zmq.ROUTER)
            self.requests.setsockopt(zmq.SNDHWM, ANSWER_LINES_WAITING_MAX)
            self.requests.setsockopt(zmq.ROUTER_HANDOVER, 1)
            self._bind(self.requests, "bridge.requests_bind", settings.requests_bind)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def _bind(self, socket: "zmq.Socket[bytes]", field: str, address: str) -> None:
        socket.setsockopt(zmq.MAXMSGSIZE, LINE_BYTES_MAX)
        socket.setsockopt(zmq.HEARTBEAT_IVL, _PING_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _PING_TIMEOUT_MS)
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            raise InputError(field, address, f"cannot be bound ({error})", "choose a free port") from None

    @property
    def addresses(self) -> Addresses:
        """Where clients connect, the ports filled in."""
        signals, requests = (socket.getsockopt(zmq.LAST_ENDPOINT) for socket in (self.signals, self.requests))
        return Addresses(_text(signals), _text(requests))

    def close(self) -> None:
        """Close both, waiting at most ``LINGER_MS`` for what was sent to leave."""
        self._context.destroy(linger=LINGER_MS)


def _text(endpoint: int | bytes) -> str:
    assert isinstance(endpoint, bytes)
    return endpoint.rstrip(b"\0").decode()
