"""The Lua scripts that keep Natron's promises inside the broker, and how they are called."""

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any

import msgpack
import redis


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

    def run_all(self, client: "redis.Redis", calls: list[tuple[list[str], list[Any]]]) -> list[Any]:
        """Run several calls in one pipeline; a call that the broker did not know the script for is sent again.

        Raises
        ------
        redis.RedisError
            The first call that failed; the ones before it were carried out.
        """
        replies = self._send(client, calls)
        unknown = [at for at, reply in enumerate(replies) if isinstance(reply, redis.exceptions.NoScriptError)]
        if unknown:
            client.script_load(self.text)
            for at, reply in zip(unknown, self._send(client, [calls[at] for at in unknown]), strict=True):
                replies[at] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def _send(self, client: "redis.Redis", calls: list[tuple[list[str], list[Any]]]) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        for keys, args in calls:
            pipeline.evalsha(self.sha, len(keys), *keys, *args)
        return list(pipeline.execute(raise_on_error=False))


@cache
def script(name: str) -> Script:
    """Read a script once a process."""
    return Script(name)
