"""The wire vectors of ZMTP frames, read by libzmq as the bridge uses it.

``messages`` are the whole ones in ``bytes``, each a list of frames in hex, ``commands`` what else came; ``complete``
where nothing is left over. A broken one has the EA's words in ``fault``; ``libzmq`` says whether it is as strict.
"""

import json
import socket
from pathlib import Path

import pytest
import zmq
from harness.peer import GREETING, ready

from bridge.signature import LINE_BYTES_MAX

_FILE = Path(__file__).parents[1] / "vectors" / "frames.jsonl"
_VECTORS = [json.loads(text) for text in _FILE.read_text().splitlines()]
_GOOD = [vector for vector in _VECTORS if vector["valid"]]
_BROKEN = [vector for vector in _VECTORS if not vector["valid"] and vector["libzmq"]]
_PATIENCE_S = 30


@pytest.fixture(scope="module")
def router():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as one:
        one.linger, one.rcvtimeo = 0, 1_000 * _PATIENCE_S
        one.setsockopt(zmq.MAXMSGSIZE, LINE_BYTES_MAX)
        one.bind("tcp://127.0.0.1:*")
        yield one


def _sent(router, data):
    """A connection of a client that says so, once the handshake is done: libzmq takes nothing sooner."""
    port = router.getsockopt(zmq.LAST_ENDPOINT).decode().rpartition(":")[2].rstrip("\0")
    one = socket.create_connection(("127.0.0.1", int(port)), _PATIENCE_S)
    one.sendall(GREETING)
    _await(one, len(GREETING))
    one.sendall(ready(b"DEALER"))
    _await(one, len(ready(b"ROUTER")))
    one.sendall(data)
    return one


def _await(one, count):
    while count:
        count -= len(one.recv(count))


@pytest.mark.parametrize("vector", _GOOD, ids=lambda vector: vector["name"])
def test_good_frames_are_read_exactly_and_half_ones_not_at_all(router, vector):
    data = bytes.fromhex(vector["bytes"])
    with _sent(router, data + (b"\x00\x03end" if vector["complete"] else b"")):
        wanted = [*vector["messages"], *([[b"end".hex()]] if vector["complete"] else [])]
        assert [[part.hex() for part in router.recv_multipart()[1:]] for _ in wanted] == wanted
    with _sent(router, b"\x00\x04last"):
        assert router.recv_multipart()[1:] == [b"last"]


@pytest.mark.parametrize("vector", _BROKEN, ids=lambda vector: vector["name"])
def test_broken_frames_end_the_connection(router, vector):
    with _sent(router, bytes.fromhex(vector["bytes"])) as one:
        while one.recv(1_024):
            pass
    while router.poll(0):
        assert router.recv_multipart()[1:] == [b"a"]  # what came before it
