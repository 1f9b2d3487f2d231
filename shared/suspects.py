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

    The mark of the batch under way stands in the broker (``attempts``: ``first last times instance``) before the batch
    runs, so that a successor knows what its predecessor died on. Whoever finds its own mark lives, and so does not
    count it: a broker that was away, or a full log, is no entry's fault.
    """

    def __init__(self, names: Names, stage: str, instance: str, max_attempts: int) -> None:
        self._names, self._stage, self._instance, self._max_attempts = names, stage, instance, max_attempts
        self._until: dict[int, str] = {}
        self._failures: dict[int, tuple[str, int]] = {}  # entry, and how many members failed or died on it alone

    def take_over(self, client: redis.Redis, p: int, position: str) -> None:
        """Look what was under way in a partition when its last reader stopped."""
        mark = client.hget(self._names.attempts(p), self._stage)
        self._until.pop(p, None)
        self._failures.pop(p, None)
        if mark is None:
            return
        first, last, times, instance = text(mark).split(" ", 3)
        if id_order(last) <= id_order(position):
            return  # that batch was finished; only its mark came late
        self._until[p] = last
        if first == last:
            self._failures[p] = (first, int(times) - (instance == self._instance))

    def holds(self, p: int) -> bool:
        """Whether this partition goes entry by entry for now."""
        return p in self._until

    def accuse(self, batches: Sequence[Batch[Any]]) -> None:
        """One of these failed as a whole."""
        for batch in batches:
            self._until[batch.partition] = batch.entries[-1].id

    def failed(self, entry: Entry) -> None:
        """Processing failed on this entry alone."""
        self._failures[entry.partition] = (entry.id, self._failures_of(entry) + 1)

    def exhausted(self, entry: Entry) -> bool:
        """Whether this entry was tried alone as often as it may be."""
        return self._failures_of(entry) >= self._max_attempts

    def mark(self, p: int, entries: Sequence[Entry]) -> tuple[Any, ...]:
        """Command that marks these entries as under way; alone, they count as tried once more."""
        first, last = entries[0].id, entries[-1].id
        times = self._failures_of(entries[0]) + 1 if first == last else 1
        return ("HSET", self._names.attempts(p), self._stage, f"{first} {last} {times} {self._instance}")

    def _failures_of(self, entry: Entry) -> int:
        entry_id, failures = self._failures.get(entry.partition, ("", 0))
        return failures if entry_id == entry.id else 0

    def cleared(self, p: int, entry_id: str) -> None:
        """Everything up to this entry is finished."""
        until = self._until.get(p)
        if until is not None and id_order(entry_id) >= id_order(until):
            del self._until[p]
            self._failures.pop(p, None)

    def clear(self) -> None:
        """Forget everything; ``take_over`` asks the broker again."""
        self._until.clear()
        self._failures.clear()
