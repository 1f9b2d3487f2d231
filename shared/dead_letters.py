"""Dead letters: what could not be processed, with its origin and reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack
import redis

from shared.broker import fields_of
from shared.contracts import PARTITIONS
from shared.errors import InputError
from shared.names import Names
from shared.scripts import script
from shared.suspects import id_order

DEAD_KEEP = 1_000
"""Newest dead letters kept a partition."""


@dataclass(frozen=True)
class DeadLetter:
    """One entry that was taken aside."""

    partition: int
    id: str  # its own entry ID in the dead stream
    origin: str  # key of the log or stream it stood in
    origin_id: str
    stage: str
    reason: str
    detail: str
    payload: Any  # the entry's fields and values, flat; bytes of them where they were cut off

    @property
    def fields(self) -> dict[bytes, bytes] | None:
        """What the entry held; None where it is cut off."""
        if not isinstance(self.payload, list):
            return None
        return dict(zip(self.payload[::2], self.payload[1::2], strict=False))

    @property
    def document(self) -> dict[str, Any]:
        """JSON-able form; bytes as printable text."""
        payload = self.payload if isinstance(self.payload, list) else [self.payload]
        shown = [item.decode("utf-8", "backslashreplace") if isinstance(item, bytes) else item for item in payload]
        return {
            "partition": self.partition, "id": self.id, "origin": self.origin, "origin_id": self.origin_id,
            "stage": self.stage, "reason": self.reason, "detail": self.detail, "payload": shown,
        }  # fmt: skip


def condemn(
    client: redis.Redis,
    names: Names,
    p: int,
    log_key: str,
    entry_id: str,
    *,
    stage: str,
    reason: str,
    detail: str,
) -> bool:
    """Take an entry off a log that this stage holds no position in, and bury it; False if another was first."""
    args = [entry_id, stage, reason, detail, DEAD_KEEP]
    return bool(script("condemn").run(client, [log_key, names.dead(p)], args))


def dead_letters(client: redis.Redis, names: Names) -> Iterator[DeadLetter]:
    """All dead letters kept, partition by partition, oldest first."""
    for p in range(PARTITIONS):
        for entry in client.execute_command("XRANGE", names.dead(p), "-", "+"):
            yield _letter(p, entry)


def newest_dead_letters(client: redis.Redis, names: Names, count: int) -> list[DeadLetter]:
    """Newest ``count`` dead letters of all partitions, newest first."""
    pipeline = client.pipeline(transaction=False)
    for p in range(PARTITIONS):
        pipeline.execute_command("XREVRANGE", names.dead(p), "+", "-", "COUNT", count)
    found = [_letter(p, entry) for p, entries in enumerate(pipeline.execute()) for entry in entries]
    return sorted(found, key=lambda letter: id_order(letter.id), reverse=True)[:count]


def find_letter(client: redis.Redis, names: Names, p: int, letter_id: str) -> DeadLetter:
    """One dead letter.

    Raises
    ------
    InputError
        There is no such letter.
    """
    try:
        found: list[Any] = client.execute_command("XRANGE", names.dead(p), letter_id, letter_id)
    except redis.exceptions.ResponseError:
        found = []
    if not found:
        mend = "`natron dead list` shows what is kept, as PARTITION/ID"
        raise InputError("letter", f"{p}/{letter_id}", "is no dead letter that is kept", mend)
    return _letter(p, found[0])


def purge(client: redis.Redis, names: Names, letters: Iterable[DeadLetter]) -> int:
    """Remove letters for good; returns how many there were."""
    return sum(int(client.execute_command("XDEL", names.dead(one.partition), one.id)) for one in letters)


def _letter(p: int, entry: list[Any]) -> DeadLetter:
    fields = fields_of(entry)

    def text(name: bytes) -> str:
        return fields.get(name, b"").decode("utf-8", "backslashreplace")

    raw = fields.get(b"payload", b"")
    try:
        payload = msgpack.unpackb(raw, raw=True)
    except ValueError:
        payload = raw  # cut off at its bound, or written by hand
    return DeadLetter(
        p,
        entry[0].decode(),
        text(b"origin"),
        text(b"id"),
        text(b"stage"),
        text(b"reason"),
        text(b"detail"),
        payload,
    )
