"""Whom libzmq lets in: RFC 27 (ZAP), answered in the bridge's own thread, with no password in any log."""

import hmac

import structlog
import zmq

from bridge.stats import BridgeStats
from bridge.trust import Trust

ENDPOINT = "inproc://zeromq.zap.01"
_VERSION = b"1.0"
_LETTERS_A_TURN = 64
_log = structlog.get_logger()


class Doorkeeper:
    """Answers libzmq's questions, one for each connection that is being made.

    Parameters
    ----------
    rooms
        Domain -> connections that its socket has, the one asking included; counted by the listener.
    room_max
        Most connections of a socket.
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        trust: Trust,
        stats: BridgeStats,
        rooms: dict[bytes, set[int]],
        room_max: int,
    ) -> None:
        self.trust = trust
        self._stats, self._rooms, self._room_max = stats, rooms, room_max
        self.socket = context.socket(zmq.REP)
        self.socket.bind(ENDPOINT)

    def attend(self) -> None:
        """Answer what is asked."""
        for _ in range(_LETTERS_A_TURN):
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.socket.send_multipart(self._answer(frames))

    def _answer(self, frames: list[bytes]) -> list[bytes]:
        _, request, domain, address, _, mechanism, *credentials = frames
        if len(self._rooms[domain]) > self._room_max:
            return self._refuse(request, b"300", "no room", address)
        user = self._user(mechanism, credentials)
        if user is None:
            return self._refuse(request, b"400", "credentials", address)
        return [_VERSION, request, b"200", b"OK", user.encode(), b""]

    def _refuse(self, request: bytes, status: bytes, reason: str, address: bytes) -> list[bytes]:
        self._stats.handshakes_refused += 1
        _log.warning("client_not_let_in", reason=reason, address=address.decode("latin-1"))
        return [_VERSION, request, status, reason.encode(), b"", b""]

    def _user(self, mechanism: bytes, credentials: list[bytes]) -> str | None:
        """Who it is; the empty name where nobody has to say."""
        if mechanism == b"NULL":
            return ""
        if mechanism == b"CURVE" and len(credentials) == 1:
            return self.trust.curve_user(credentials[0])
        if mechanism == b"PLAIN" and len(credentials) == 2:
            client = self.trust.client_named(credentials[0].decode("latin-1"))
            if client is not None and hmac.compare_digest(client.password.encode(), credentials[1]):
                return client.user
        return None
