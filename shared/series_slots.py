"""Which series are in memory, and in which slot of their store: the least recently seen makes room."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.contracts import Series


class SlotStore(Protocol):
    """What keeps a series' past: rings of candles, caches of a model."""

    def acquire(self) -> int:
        """Return a slot that nobody holds."""
        ...

    def release(self, slot: int) -> None:
        """Take a slot back."""
        ...


@dataclass(slots=True)
class SeriesState:
    """A series in memory: its slot, and the newest candle that the slot has seen."""

    slot: int
    partition: int
    n: int = 0
    t: int = 0


class SeriesSlots:
    """The series in memory, at most ``max_series``."""

    def __init__(self, store: SlotStore, max_series: int) -> None:
        self._store, self._max_series = store, max_series
        self._states: OrderedDict[str, SeriesState] = OrderedDict()  # least recently seen first

    @property
    def full(self) -> bool:
        """Whether a new series takes the slot of another one."""
        return len(self._states) >= self._max_series

    def get(self, series: Series) -> SeriesState | None:
        """State of a series in memory."""
        return self._states.get(series.key)

    def take(self, series: Series) -> SeriesState:
        """State of a series, in memory from now on; a new one has ``n`` 0 and whatever its slot held before."""
        state = self._states.get(series.key)
        if state is None:
            while self.full:
                self._store.release(self._states.popitem(last=False)[1].slot)
            state = self._states[series.key] = SeriesState(self._store.acquire(), series.partition)
        return state

    def advance(self, series: Series, n: int, t: int) -> None:
        """Note the newest candle of a series in memory, which becomes the most recently seen."""
        state = self._states[series.key]
        state.n, state.t = n, t
        self._states.move_to_end(series.key)

    def put(self, series: Series, slot: int, n: int, t: int) -> None:
        """Bring a new series into memory, in a slot of the store that has seen its candles up to this one."""
        self._states[series.key] = SeriesState(slot, series.partition, n, t)

    def known(self) -> list[tuple[Series, int, int]]:
        """Every series with the number and time of its newest candle; may be asked by another thread."""
        return [(Series.from_key(key), state.n, state.t) for key, state in list(self._states.items())]

    def forget(self, partitions: Sequence[int] | None = None) -> None:
        """Drop the series of these partitions, or all."""
        gone = None if partitions is None else set(partitions)
        for key in [key for key, state in self._states.items() if gone is None or state.partition in gone]:
            self._store.release(self._states.pop(key).slot)
