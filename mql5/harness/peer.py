"""A port that speaks only as the test tells it, and the bytes of ZMTP to tell it."""

import contextlib
import socket
import struct

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


def property_of(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


def command(name: bytes, data: bytes = b"") -> bytes:
    body = bytes([len(name)]) + name + data
    return bytes([4, len(body)]) + body


def ready(kind: bytes) -> bytes:
    return command(b"READY", property_of(b"Socket-Type", kind) + property_of(b"Identity", b""))


class Peer:
    """A listening port that speaks only as it is told."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(0)
        self.accepted, self.got = 0, b""
        self.one: socket.socket | None = None

    @property
    def port(self) -> int:
        return self.server.getsockname()[1]

    def attend(self) -> None:
        try:
            one, _ = self.server.accept()
            self.end()
            self.one = one
            self.one.settimeout(0)
            self.accepted, self.got = self.accepted + 1, b""
        except BlockingIOError:
            pass
        try:
            while self.one and (data := self.one.recv(65_536)):
                self.got += data
        except (BlockingIOError, ConnectionError):
            pass

    def end(self) -> None:
        if self.one:
            self.one.close()
        self.one = None

    def send(self, data: bytes) -> None:
        assert self.one
        self.one.settimeout(5)
        with contextlib.suppress(ConnectionError):
            self.one.sendall(data)
        self.one.settimeout(0)
