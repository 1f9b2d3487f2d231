"""The log of what Expert Advisors say happened: written by bridges, read by whoever keeps or shows it."""

from collections.abc import Sequence
from typing import Any

import redis

from shared.broker import fields_of, text
from shared.codec import decode_ack, encode_ack
from shared.contracts import Ack, encode_symbol
from shared.errors import JunkError
from shared.names import Names
from shared.scripts import script

RUN_REMEMBERED_S = 30 * 86_400
"""An EA repeats what was not confirmed within seconds; after a month of silence a run is over."""


class AckLog:
    """Client side of the log.

    Parameters
    ----------
    keep
        Newest acks kept.
    """

    def __init__(self, client: redis.Redis, names: Names, keep: int) -> None:
        self._client, self._names, self._keep = client, names, keep
        self._script = script("acks")

    def append(self, acks: Sequence[Ack]) -> list[int]:
        """Append those whose number is above the highest taken of their run, in order.

        Returns
        -------
        list of int
            For each the highest number that is then taken of its run.

        Raises
        ------
        redis.RedisError
            The broker is away; sent again, none is taken twice.
        """
        keys, values = [self._names.acks], list[Any]((self._keep, RUN_REMEMBERED_S))
        for ack in acks:
            keys.append(self._names.acks_taken(ack.client, encode_symbol(ack.symbol), ack.run))
            values += [ack.number, encode_ack(ack)]
        return [int(number) for number in self._script.run(self._client, keys, values)]

    def read(self, after: str = "0-0", count: int = 1_000) -> list[tuple[str, Ack]]:
        """Read what follows an entry, oldest first: entry ID and ack. Junk is passed over."""
        found = []
        for entry in self._client.execute_command("XRANGE", self._names.acks, f"({after}", "+", "COUNT", count):
            try:
                found.append((text(entry[0]), decode_ack(fields_of(entry).get(b"m", b""))))
            except JunkError:
                continue
        return found
