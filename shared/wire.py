"""Commands straight onto a connection: what every candle waits for goes past the layers of a general client.

Those take 60 microseconds of processor time a call, 90 where a read names 64 streams; this takes 20.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hiredis
import redis

from shared.cluster import Cluster

Command = tuple[Any, ...]
"""A command's name and its arguments: bytes, text or numbers."""


@contextmanager
def sent(client: redis.Redis, commands: Sequence[Command]) -> Iterator[Callable[[], list[Any]]]:
    """Send commands in one write, to be called for their replies once other work is done; a refusal is its error.

    To a cluster they are sent when the replies are asked for, in one write a node.

    Raises
    ------
    redis.RedisError
        The connection was lost; what was carried out is unknown.
    """
    if isinstance(client, Cluster):
        pipeline = client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        yield lambda: list(pipeline.execute(raise_on_error=False))
        return
    connection: Any = client.connection or client.connection_pool.get_connection()
    replies: list[Any] = []

    def read() -> list[Any]:
        while len(replies) < len(commands):
            replies.append(_reply(connection))
        return replies

    try:
        connection.send_packed_command([b"".join(map(hiredis.pack_command, commands))])
        yield read
    finally:
        if len(replies) < len(commands):
            connection.disconnect()  # replies that nobody read may be on their way
        if client.connection is None:
            client.connection_pool.release(connection)


def exchange(client: redis.Redis, commands: Sequence[Command]) -> list[Any]:
    """Replies of commands that are sent in one write; a refusal is its error.

    Raises
    ------
    redis.RedisError
        As ``sent``.
    """
    with sent(client, commands) as replies:
        return replies()


def ask(client: redis.Redis, *command: Any) -> Any:
    """Reply of one command, as it comes.

    Raises
    ------
    redis.RedisError
        It was refused, or as ``sent``.
    """
    if isinstance(client, Cluster):  # which reads the streams of several nodes in its own way
        return client.execute_command(*command)
    reply = exchange(client, [command])[0]
    if isinstance(reply, Exception):
        raise reply
    return reply


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.exceptions.ResponseError as error:
        return error
