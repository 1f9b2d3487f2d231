"""What tests of every package share: a real broker, and simple candles."""

import ipaddress
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import redis

from shared.acl import write_secrets
from shared.addresses import free_port
from shared.broker import LOST, connect
from shared.broker_url import with_password
from shared.contracts import CANDLE_DTYPE, Candles
from shared.embedded_broker import EmbeddedBroker
from shared.names import Names


@dataclass(frozen=True)
class BrokerUnderTest:
    """A real, empty server and a client of it."""

    server: EmbeddedBroker
    url: str
    client: redis.Redis
    names: Names

    def fill_level(self) -> int:
        """Keys it holds."""
        return int(self.client.dbsize())


@contextmanager
def broker_under_test() -> Iterator[BrokerUnderTest]:
    """Start a server of one's own and stop it at the end."""
    with EmbeddedBroker() as server:
        client = connect(server.url)
        yield BrokerUnderTest(server, server.url, client, Names())
        client.close()


@dataclass(frozen=True)
class GuardedBroker:
    """A server on a loopback port that knows the users of ``natron secrets`` and nobody else."""

    port: int
    secrets: Path  # folder of the users' passwords

    def url(self, user: str) -> str:
        """Where a user connects, its password in it."""
        return with_password(f"redis://{user}@127.0.0.1:{self.port}", (self.secrets / user).read_text().strip())

    def client(self, user: str) -> redis.Redis:
        """Client of a user."""
        return connect(self.url(user))


@contextmanager
def guarded_broker(folder: Path) -> Iterator[GuardedBroker]:
    """Start one, its secrets in ``folder``."""
    write_secrets(folder, Names())
    server, found = EmbeddedBroker(), GuardedBroker(free_port(), folder)
    server.launch("--port", str(found.port), "--bind", "127.0.0.1", "--aclfile", str(folder / "users.acl"))
    client = found.client("operator")

    def answers() -> bool:
        assert server.poll() is None
        with suppress(*LOST):
            return bool(client.ping())
        return False

    await_true(answers, "the broker's answer")
    client.close()
    try:
        yield found
    finally:
        server.stop()


def listening(pid: int) -> set[tuple[str, int]]:
    """(address, port) of every TCP and UDP socket that a process takes what comes on, as the kernel tells them."""
    inodes = set()
    for descriptor in Path("/proc", str(pid), "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            inodes.add(str(descriptor.readlink()))
    found = set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            words = line.split()
            address, _, port = words[1].partition(":")
            if words[3] == state and f"socket:[{words[9]}]" in inodes:
                found.add((_address(bytes.fromhex(address)), int(port, 16)))
    return found


def _address(raw: bytes) -> str:
    """Of the kernel's words of four bytes, each in the machine's order."""
    words = [raw[at : at + 4][:: -1 if sys.byteorder == "little" else 1] for at in range(0, len(raw), 4)]
    return str(ipaddress.ip_address(b"".join(words)))


def await_true(condition: Callable[[], bool], what: str, patience_s: float = 120.0) -> None:
    """Poll until ``condition`` holds.

    Raises
    ------
    AssertionError
        It did not within ``patience_s``.
    """
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience_s:.0f} s: {what}"
        time.sleep(0.02)


def walk_candles(count: int, *, seed: int = 0, start_ms: int = 1_600_000_200_000, width_ms: int = 900_000) -> Candles:
    """(count,) candles of a gapless random walk around 1.1 with volume."""
    random = np.random.default_rng(seed)
    close = 1.1 * np.exp(np.cumsum(random.normal(0, 5e-4, count)))
    opens = np.concatenate([[1.1], close[:-1]])
    spread = np.abs(random.normal(0, 3e-4, (2, count)))
    candles = np.empty(count, CANDLE_DTYPE)
    candles["t"] = start_ms - start_ms % width_ms + width_ms * np.arange(count)
    candles["o"], candles["c"] = opens, close
    candles["h"] = np.maximum(opens, close) * (1 + spread[0])
    candles["l"] = np.minimum(opens, close) * (1 - spread[1])
    candles["v"] = random.integers(1, 1_000, count)
    return candles
