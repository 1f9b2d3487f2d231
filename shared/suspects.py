"""Which entries may be to blame for a failure: batches that failed here, or that a predecessor died in."""

from collections.abc import Sequence
from typing import Any

import redis

from shared.broker import text
from shared.names import Names
from shared.stage import Batch, Entry


def id_order(entry_id: str) -> tuple[int, int]:
    """Entry ID as numbers that compare."""
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq)


class Suspects:
    """Per partition, up to which entry to go one by one, and how often the first of them was tried alone.

    The mark of the batch under way stands in the broker (``attempts``: ``first last times``) before the batch runs,
    so that a successor knows what its predecessor died on.
    """

    def __init__(self, names: Names, stage: str, max_attempts: int) -> None:
        self._names, self._stage, self._max_attempts = names, stage, max_attempts
        self._until: dict[int, str] = {}
        self._tried: dict[int, tuple[str, int]] = {}

    def take_over(self, client: redis.Redis, p: int, position: str) -> None:
        """Look what was under way in a partition when its last reader stopped."""
        mark = client.hget(self._names.attempts(p), self._stage)
        self._until.pop(p, None)
        self._tried.pop(p, None)
        if mark is None:
            return
        first, last, times = text(mark).split(" ")
        if id_order(last) <= id_order(position):
            return  # that batch was finished; only its mark came late
        self._until[p] = last
        if first == last:
            self._tried[p] = (first, int(times))

    def holds(self, p: int) -> bool:
        """Whether this partition goes entry by entry for now."""
        return p in self._until

    def accuse(self, batches: Sequence[Batch[Any]]) -> None:
        """One of these failed as a whole."""
        for batch in batches:
            self._until[batch.partition] = batch.entries[-1].id

    def exhausted(self, entry: Entry) -> bool:
        """Whether this entry was tried alone as often as it may be."""
        tried, times = self._tried.get(entry.partition, ("", 0))
        return tried == entry.id and times >= self._max_attempts

    def mark(self, p: int, entries: Sequence[Entry]) -> tuple[Any, ...]:
        """Command that marks these entries as under way; alone, they count as tried once more."""
        first, last, times = entries[0].id, entries[-1].id, 1
        if len(entries) == 1 and self.holds(p):
            tried, before = self._tried.get(p, ("", 0))
            times = before + 1 if tried == first else 1
            self._tried[p] = (first, times)
        return ("HSET", self._names.attempts(p), self._stage, f"{first} {last} {times}")

    def cleared(self, p: int, entry_id: str) -> None:
        """Everything up to this entry is finished."""
        until = self._until.get(p)
        if until is not None and id_order(entry_id) >= id_order(until):
            del self._until[p]
            self._tried.pop(p, None)

    def clear(self) -> None:
        """Forget everything; ``take_over`` asks the broker again."""
        self._until.clear()
        self._tried.clear()
