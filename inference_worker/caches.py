"""What the graph has seen of each series: rings in a slot of contiguous arrays, written in place."""

import mmap
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inference_worker.records import CacheRecord

FIRST_SLOTS = 16

Entries = NDArray[np.float32]  # (B, T, width)


class SeriesCaches:
    """Slots for series; a slot holds the newest ``length`` entries of every cache of the graph.

    An entry is written where the oldest stood: nothing is shifted, and nothing is allocated for a candle. Not safe
    to share between threads.

    Parameters
    ----------
    records
        The graph's caches.
    batch
        Series gathered at once, at most.
    """

    def __init__(self, records: Sequence[CacheRecord], batch: int) -> None:
        self._rings = {record.name: _Ring(record, batch) for record in records}
        self._written = np.zeros(0, np.int64)  # (slots,) entries each slot was ever given
        self._free: list[int] = []

    def acquire(self) -> int:
        """Return a slot that nobody holds; what it held before means nothing until ``length`` entries are written."""
        if not self._free:
            held = len(self._written)
            more = max(FIRST_SLOTS, held)
            for ring in self._rings.values():
                ring.grow(held + more)
            self._written = np.concatenate([self._written, np.zeros(more, np.int64)])
            self._free = list(range(held + more - 1, held - 1, -1))
        return self._free.pop()

    def release(self, slot: int) -> None:
        """Give a slot back."""
        self._free.append(slot)

    def gather(self, slots: NDArray[np.int64]) -> dict[str, Entries]:
        """(B, length, width) of every cache, oldest entry first.

        Views of buffers that the next call overwrites.
        """
        written = self._written[slots]
        return {name: ring.gather(slots, written) for name, ring in self._rings.items()}

    def write(self, slots: NDArray[np.int64], counts: NDArray[np.int64], entries: Mapping[str, Entries]) -> None:
        """Take new entries in.

        Parameters
        ----------
        slots
            (B,), each once.
        counts
            (B,) how many of each slot's T entries are real; the rest is padding on the right.
        entries
            Cache -> (B, T, width).
        """
        written = self._written[slots]
        for name, ring in self._rings.items():
            ring.write(slots, written, counts, entries[name])
        self._written[slots] = written + counts


class _Ring:
    """One cache of all slots: ``length`` rows a slot, one slot after the other."""

    def __init__(self, record: CacheRecord, batch: int) -> None:
        self._length, self._width = record.length, record.width
        self._rows = np.empty((0, record.width), np.float32)
        self._gathered = np.zeros((batch, record.length, record.width), np.float32)
        places = np.arange(record.length)
        self._oldest_first = (places[:, None] + places) % record.length  # (where the oldest stands, length)

    def grow(self, slots: int) -> None:
        rows = _mapped(slots * self._length, self._width)
        rows[: len(self._rows)] = self._rows
        self._rows = rows

    def gather(self, slots: NDArray[np.int64], written: NDArray[np.int64]) -> Entries:
        places = slots[:, None] * self._length + self._oldest_first[written % self._length]  # (B, length)
        # Any other mode than clip makes numpy fill a copy first.
        return np.take(self._rows, places, axis=0, out=self._gathered[: len(slots)], mode="clip")

    def write(
        self, slots: NDArray[np.int64], written: NDArray[np.int64], counts: NDArray[np.int64], entries: Entries
    ) -> None:
        if entries.shape[1] == 1:
            self._rows[slots * self._length + written % self._length] = entries[:, 0]
            return
        at = np.arange(entries.shape[1])
        kept = (at < counts[:, None]) & (at >= counts[:, None] - self._length)
        series, time = np.nonzero(kept)
        self._rows[slots[series] * self._length + (written[series] + time) % self._length] = entries[series, time]


def _mapped(rows: int, width: int) -> Entries:
    """Zeros in a mapping of their own.

    Pages that no entry was written to are not resident, so doubling costs no memory until they are; and what was
    doubled goes back to the system, where the heap would keep it, as much again as is in use.
    """
    memory = mmap.mmap(-1, 4 * rows * width, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, np.float32).reshape(rows, width)
