"""The Lua scripts that keep Natron's promises inside the broker, and how they are called."""

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any

import msgpack
import redis

from shared.errors import BrokerError
from shared.wire import Command, exchange

REPLICATION_TIMEOUT_MS = 2_000
"""Longest wait for replicas: less than a connection's own patience."""


def pack(body: Any) -> bytes:
    """MessagePack as the broker's ``cmsgpack`` reads it: the old form, in which bytes and text are one type."""
    packed: bytes = msgpack.packb(body, use_bin_type=False)
    return packed


class Script:
    """One script: known to the broker by its SHA-1, sent in full when the broker has forgotten it.

    Parameters
    ----------
    name
        File name in this package without ``.lua``.
    """

    def __init__(self, name: str) -> None:
        source = files(__package__)
        # The first line makes the broker check memory, replicas and disk before it starts, not half-way.
        parts = ["#!lua", source.joinpath("top.lua").read_text(), source.joinpath(f"{name}.lua").read_text()]
        self.text = "\n".join(parts)
        self.sha = sha1(self.text.encode()).hexdigest()  # noqa: S324 - the broker's own name for it

    def run(self, client: "redis.Redis", keys: list[str], args: list[Any]) -> Any:
        """Run once and return the reply."""
        return self.run_all(client, [(keys, args)])[0]

    def run_all(self, client: "redis.Redis", calls: list[tuple[list[str], list[Any]]], replicas: int = 0) -> list[Any]:
        """Run several calls in one pipeline; a call that the broker did not know the script for is sent again.

        With ``replicas``, return once so many hold what was written.

        Raises
        ------
        BrokerError
            Fewer did within ``REPLICATION_TIMEOUT_MS``; everything was carried out.
        redis.RedisError
            The first call that failed; the ones before it were carried out.
        """
        if not calls:
            return []  # a WAIT alone would wait for what others wrote
        replies, held = self._send(client, calls, replicas)
        unknown = [at for at, reply in enumerate(replies) if isinstance(reply, redis.exceptions.NoScriptError)]
        if unknown:
            client.script_load(self.text)
            again, held_again = self._send(client, [calls[at] for at in unknown], replicas)
            held = min((held, held_again), key=lambda one: -1 if isinstance(one, Exception) else int(one))
            for at, reply in zip(unknown, again, strict=True):
                replies[at] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        if isinstance(held, Exception):
            raise held
        if held < replicas:
            raise BrokerError(f"replicas = {held}: {replicas} must hold what was written; mend them, or replication")
        return replies

    def _send(
        self, client: "redis.Redis", calls: list[tuple[list[str], list[Any]]], replicas: int
    ) -> tuple[list[Any], Any]:
        """Replies of the calls, and how many replicas hold them."""
        commands: list[Command] = [("EVALSHA", self.sha, len(keys), *keys, *args) for keys, args in calls]
        if not replicas:
            return exchange(client, commands), 0
        *replies, held = exchange(client, [*commands, ("WAIT", replicas, REPLICATION_TIMEOUT_MS)])
        return replies, held


@cache
def script(name: str) -> Script:
    """Read a script once a process."""
    return Script(name)
