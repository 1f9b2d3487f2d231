"""Reading a series' own streams (history, window, recent), whose entry IDs are candle times."""

from collections.abc import Callable
from typing import Any, TypeVar

import redis

from shared.broker import fields_of
from shared.errors import JunkError
from shared.stage import Entry

R = TypeVar("R")


def newest_before(
    client: redis.Redis, key: str, until_t: int, count: int, decode: Callable[[Entry], R], partition: int
) -> list[tuple[int, R]]:
    """Newest ``count`` well-formed messages at or before ``until_t``, oldest first, each with its time.

    Junk that somebody put there is passed over; the next write to the stream buries it.
    """
    found: list[tuple[int, R]] = []
    end = f"{until_t}-0"
    while len(found) < count:
        entries: list[Any] = client.execute_command("XREVRANGE", key, end, "-", "COUNT", count - len(found))
        for entry_id, flat in entries:
            entry = Entry(partition, entry_id.decode(), fields_of([entry_id, flat]))
            t, _, seq = entry.id.partition("-")
            try:
                if seq == "0":
                    found.append((int(t), decode(entry)))
            except JunkError:
                continue
        if not entries:
            break
        end = "(" + entries[-1][0].decode()
    return found[::-1]


def newest_t(client: redis.Redis, key: str, decode: Callable[[Entry], Any], partition: int) -> int:
    """Time of the newest well-formed message, 0 where there is none."""
    found = newest_before(client, key, 2**62, 1, decode, partition)
    return found[-1][0] if found else 0
