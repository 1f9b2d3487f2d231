"""Connections to the broker (Redis or Valkey), and what a broker must be before Natron uses it."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.contracts import PARTITIONS, SCHEMA_VERSION
from shared.errors import BrokerError, SchemaError
from shared.names import Names

SOCKET_TIMEOUT_S = 5.0
OLDEST_VERSION = (7, 0)

LOST = (redis.exceptions.RedisError, OSError)
"""What a call raises when the broker is away, loading, full, read-only or otherwise unwilling: try again later."""


def connect(url: str) -> redis.Redis:
    """Client of the broker at ``url`` (``redis://``, ``rediss://`` or ``unix://``); replies stay bytes.

    Nothing is retried behind the caller's back: after a lost reply the caller must look where things stand.
    """
    client = redis.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    for command in ("XREAD", "XRANGE", "XREVRANGE"):
        client.response_callbacks.pop(command, None)  # lists as they come: building dicts costs more than reading
    return client


def check_fitness(client: redis.Redis, names: Names) -> None:
    """Refuse a broker that Natron's promises do not hold on, and mark a new one as Natron's.

    Raises
    ------
    BrokerError
        Older than 7.0, or allowed to evict keys.
    SchemaError
        It holds another partition count or schema version.
    """
    facts: Any = client.info()
    version = str(facts["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        raise BrokerError(f"broker version = {version}: must be 7.0 or newer; upgrade Redis or Valkey")
    policy = facts["maxmemory_policy"]  # CONFIG GET would show secrets too, so no service may
    if policy != "noeviction":
        raise BrokerError(
            f"maxmemory-policy = {policy}: must be noeviction; run CONFIG SET maxmemory-policy noeviction"
        )
    ours = {"partitions": str(PARTITIONS), "schema": str(SCHEMA_VERSION)}
    theirs = _meta(client, names)
    if not theirs.keys() >= ours.keys():
        for field, value in ours.items():
            client.hsetnx(names.meta, field, value)
        theirs = _meta(client, names)
    for field, value in ours.items():
        if theirs[field] != value:
            raise SchemaError(f"{names.meta} {field} = {theirs[field]}: this Natron has {value}; use its own namespace")


def _meta(client: redis.Redis, names: Names) -> dict[str, str]:
    return {text(name): text(value) for name, value in client.hgetall(names.meta).items()}


def broker_ms(client: redis.Redis) -> int:
    """The broker's own clock: what several machines agree on. UTC epoch ms."""
    seconds, microseconds = client.time()
    return 1_000 * int(seconds) + int(microseconds) // 1_000


def with_password(url: str, password: str) -> str:
    """``url`` with the password of its user, which then stands in memory alone."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))


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
        self._pool = client.connection_pool
        self._connection: Any = None
        self._waiting = 0

    def send(self, commands: list[tuple[Any, ...]]) -> None:
        """Send ``commands`` in one write."""
        if self._connection is None:
            self._connection = self._pool.get_connection()
            self._waiting = 0
        try:
            while self._waiting and self._connection.can_read(timeout=0):
                self._read_one()
            self._connection.send_packed_command(self._connection.pack_commands(commands))
            self._waiting += len(commands)
        except LOST:
            self.close()
            raise

    def _read_one(self) -> None:
        with suppress(redis.exceptions.ResponseError):  # a refused mark is a lost mark
            self._connection.read_response()
        self._waiting -= 1

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.disconnect()
            self._pool.release(self._connection)
            self._connection = None
