"""A wire between the EA and a listening port that the test can cut, listen to and tamper with."""

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Tap:
    """Forwards bytes both ways whenever it is attended.

    Attributes
    ----------
    change
        What becomes of the bytes that the EA is sent.
    """

    port_behind: int
    change: Callable[[bytes], bytes] = lambda data: data
    heard: bytearray = field(default_factory=bytearray)
    refusing: bool = False

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0)
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def attend(self) -> None:
        with contextlib.suppress(BlockingIOError):
            inner, _ = self._server.accept()
            if self.refusing:
                inner.close()
                return
            outer = socket.create_connection(("127.0.0.1", self.port_behind))
            self._pairs.append((inner, outer))
        for pair in list(self._pairs):
            inner, outer = pair
            try:
                self._carry(inner, outer, lambda data: data)
                self._carry(outer, inner, self._deliver)
            except ConnectionError:
                self._drop(pair)

    def _deliver(self, data: bytes) -> bytes:
        self.heard += data
        return self.change(data)

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
        source.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            data = source.recv(1 << 20)
            if not data:
                raise ConnectionResetError
            target.settimeout(5)
            target.sendall(change(data))

    def inject(self, data: bytes) -> None:
        """Send bytes to the EA that nobody sent."""
        for inner, _ in self._pairs:
            inner.settimeout(5)
            inner.sendall(data)

    def cut(self) -> None:
        for pair in list(self._pairs):
            self._drop(pair)

    def _drop(self, pair: tuple[socket.socket, socket.socket]) -> None:
        for one in pair:
            one.close()
        self._pairs.remove(pair)

    def close(self) -> None:
        self.cut()
        self._server.close()
