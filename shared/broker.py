"""Connections to the broker (Redis or Valkey), and what a broker must be before Natron uses it."""

from contextlib import suppress
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.broker_url import BrokerUrl
from shared.cluster import Cluster, single
from shared.contracts import PARTITIONS, SCHEMA_VERSION
from shared.errors import BrokerError, SchemaError
from shared.names import Names

SOCKET_TIMEOUT_S = 5.0
OLDEST_VERSION = (7, 0)

LOST = (redis.exceptions.RedisError, OSError)
"""What a call raises when the broker is away, loading, full, read-only or otherwise unwilling: try again later."""


def connect(url: str) -> redis.Redis:
    """Client of the broker at ``url``, whose forms ``broker_url`` tells; replies stay bytes.

    Nothing is retried behind the caller's back: after a lost reply the caller must look where things stand.
    """
    address = BrokerUrl.parse(url)
    if address.seeds:
        return Cluster(address.seeds, lambda host, port: _client({**address.options, "host": host, "port": port}))
    return _client(address.options)


def _client(options: dict[str, Any]) -> redis.Redis:
    pool = redis.ConnectionPool(
        **options,
        protocol=2,
        driver_info=None,  # CLIENT SETINFO is not in 7.0, nor among any user's rights
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    client = redis.Redis.from_pool(pool)
    for command in ("XREAD", "XRANGE", "XREVRANGE"):
        client.response_callbacks.pop(command, None)  # lists as they come: building dicts costs more than reading
    return client


def alone(client: redis.Redis) -> redis.Redis:
    """Client of one connection (a node): a pool replaces a lost one without a word, and some must notice."""
    return client.alone() if isinstance(client, Cluster) else single(client)


def primaries(client: redis.Redis) -> list[redis.Redis]:
    """The servers that are written to: one, or a cluster's primaries."""
    return client.primaries if isinstance(client, Cluster) else [client]


def check_fitness(client: redis.Redis, names: Names) -> None:
    """Refuse a broker that Natron's promises do not hold on, and mark a new one as Natron's.

    Raises
    ------
    BrokerError
        Older than 7.0, or allowed to evict keys.
    SchemaError
        It holds another partition count or schema version.
    """
    for node in primaries(client):
        _check_server(node.info())
    ours = {"partitions": str(PARTITIONS), "schema": str(SCHEMA_VERSION)}
    theirs = _meta(client, names)
    if not theirs.keys() >= ours.keys():
        for field, value in ours.items():
            client.hsetnx(names.meta, field, value)
        theirs = _meta(client, names)
    for field, value in ours.items():
        if theirs[field] != value:
            raise SchemaError(f"{names.meta} {field} = {theirs[field]}: this Natron has {value}; use its own namespace")


def _check_server(facts: Any) -> None:
    """INFO tells all: CONFIG GET would show secrets too, so no service may."""
    version, policy = str(facts["redis_version"]), facts["maxmemory_policy"]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        raise BrokerError(f"broker version = {version}: must be 7.0 or newer; upgrade Redis or Valkey")
    if policy != "noeviction":
        raise BrokerError(
            f"maxmemory-policy = {policy}: must be noeviction; run CONFIG SET maxmemory-policy noeviction"
        )


def _meta(client: redis.Redis, names: Names) -> dict[str, str]:
    return {text(name): text(value) for name, value in client.hgetall(names.meta).items()}


def broker_ms(client: redis.Redis, key: str | None = None) -> int:
    """The broker's own clock: what several machines agree on. UTC epoch ms; in a cluster that of the key's node."""
    node = client.node_for("GET", key) if isinstance(client, Cluster) and key else client
    seconds, microseconds = node.time()
    return 1_000 * int(seconds) + int(microseconds) // 1_000


def text(reply: bytes | str) -> str:
    """Read a reply that is text; the client's types leave open whether it decodes."""
    return reply.decode() if isinstance(reply, bytes) else reply


def fields_of(entry: list[Any]) -> dict[bytes, bytes]:
    """Field -> value of a raw stream entry ``[id, [field, value, ...]]``."""
    flat = entry[1] or []
    return dict(zip(flat[::2], flat[1::2], strict=True))


class Post:
    """Commands sent without waiting for their replies, which are read and dropped later.

    For marks that only help a successor: losing one costs nothing but a second look.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lines: dict[int, _Line] = {}  # by the pool of the node

    def send(self, commands: list[tuple[Any, ...]]) -> None:
        """Send ``commands``, in one write a node."""
        shares: dict[int, tuple[Any, list[tuple[Any, ...]]]] = {}
        for command in commands:
            node = self._client.node_for(*command) if isinstance(self._client, Cluster) else self._client
            shares.setdefault(id(node.connection_pool), (node.connection_pool, []))[1].append(command)
        try:
            for key, (pool, share) in shares.items():
                if key not in self._lines:
                    self._lines[key] = _Line(pool)
                self._lines[key].send(share)
        except LOST:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connections."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()


class _Line:
    """One connection that is written to, and read when something waits there."""

    def __init__(self, pool: Any) -> None:
        self._pool, self._connection, self._waiting = pool, pool.get_connection(), 0

    def send(self, commands: list[tuple[Any, ...]]) -> None:
        while self._waiting and self._connection.can_read(timeout=0):
            self._read_one()
        self._connection.send_packed_command(self._connection.pack_commands(commands))
        self._waiting += len(commands)

    def _read_one(self) -> None:
        with suppress(redis.exceptions.ResponseError):  # a refused mark is a lost mark
            self._connection.read_response()
        self._waiting -= 1

    def close(self) -> None:
        self._connection.disconnect()
        self._pool.release(self._connection)
