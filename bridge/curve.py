"""CURVE keys: 32 bytes here, 40 characters of Z85 to libzmq."""

import zmq
from zmq.utils import z85


def public_key(secret: bytes) -> bytes:
    """Public key of a secret one, 32 bytes each."""
    return bytes(z85.decode(zmq.curve_public(z85.encode(secret))))


def protect_server(socket: "zmq.Socket[bytes]", secret: bytes) -> None:
    """Make a socket accept only clients that speak CURVE."""
    socket.curve_server = True
    socket.curve_secretkey = z85.encode(secret)


def protect_client(socket: "zmq.Socket[bytes]", secret: bytes, server: bytes) -> None:
    """Make a socket log on with this secret key, to the server of this public one."""
    socket.curve_secretkey = z85.encode(secret)
    socket.curve_publickey = zmq.curve_public(z85.encode(secret))
    socket.curve_serverkey = z85.encode(server)
