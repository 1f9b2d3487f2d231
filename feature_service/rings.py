"""The newest candles of many series, each in a slot of one array, and the rows of those that come next."""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature_set import FEATURE_SET
from feature_service.kernels.buffers import FREE, NEW, WIDTH
from feature_service.kernels.columns import COLUMNS
from feature_service.kernels.entries import ENTRIES
from feature_service.table import candle_table
from shared.contracts import Candles, Rows
from shared.errors import InputError


class SeriesRings:
    """Slots for series; a slot holds what the next row of its series is a function of.

    A seed and the candles pushed after it give the rows that ``compute_history`` gives, bit for bit. Not safe
    to share between threads.

    Parameters
    ----------
    capacity
        Slots to begin with, at least 1; the storage doubles when they are taken.
    """

    def __init__(self, capacity: int = 16) -> None:
        self._buffers = np.empty((capacity, COLUMNS, WIDTH))
        self._ends = np.full(capacity, FREE, np.int64)  # where the next candle goes, or FREE or NEW
        self._released: list[int] = []
        self._used = 0  # slots below it were acquired before

    def acquire(self) -> int:
        """Return a slot that nobody holds, for a new series."""
        if self._released:
            slot = self._released.pop()
        else:
            if self._used == len(self._ends):
                self._grow()
            slot = self._used
            self._used += 1
        self._ends[slot] = NEW
        return slot

    def release(self, slot: int) -> None:
        """Give a slot back; what it held is forgotten.

        Raises
        ------
        InputError
            Nobody holds the slot.
        """
        self._check_held(slot)
        self._ends[slot] = FREE
        self._released.append(slot)

    def seed(self, slot: int, candles: Candles) -> None:
        """Lay the candles before the next one into a slot, whatever it held.

        Parameters
        ----------
        slot
            From ``acquire``.
        candles
            Ascending; the newest lookback - 1 are used. Fewer mean that the first is the series' first:
            before it the series is taken as flat at its open, with volume 0. None mean a new series.

        Raises
        ------
        InputError
            The array is not one of candles, or nobody holds the slot.
        """
        self._check_held(slot)
        table = candle_table(candles)[-(FEATURE_SET.lookback - 1) :]
        if len(table):
            ENTRIES.lay_past(self._buffers, self._ends, slot, table)
        else:
            self._ends[slot] = NEW

    def push(self, slots: NDArray[np.int64], candles: Candles) -> Rows:
        """Take closed candles in and return their rows.

        Parameters
        ----------
        slots
            (M,) the slot of each candle; a slot may occur many times.
        candles
            (M,) each the successor of its slot's newest.

        Returns
        -------
        (M, F) float32 in model order.

        Raises
        ------
        InputError
            The arrays do not fit together, or nobody holds one of the slots; nothing was taken in.
        """
        table = candle_table(candles)
        slots = np.array(slots, np.int64)
        if slots.shape != candles.shape:
            rule = f"must have a slot for each candle, shape {candles.shape}"
            raise InputError("slots", slots.shape, rule, "repeat a slot for each of its candles")
        rows = np.empty((len(table), FEATURE_SET.size), np.float32)
        stranger = ENTRIES.push_candles(self._buffers, self._ends, slots, table, rows)
        if stranger >= 0:
            self._check_held(int(slots[stranger]))
        return rows

    def _check_held(self, slot: int) -> None:
        if not 0 <= slot < len(self._ends) or self._ends[slot] == FREE:
            raise InputError("slot", slot, "is held by nobody", "pass what acquire gave")

    def _grow(self) -> None:
        # Pages of slots that were never acquired are not resident: doubling costs no memory until they are.
        held = len(self._ends)
        buffers = np.empty((2 * held, COLUMNS, WIDTH))
        buffers[:held] = self._buffers
        self._buffers = buffers
        self._ends = np.concatenate([self._ends, np.full(held, FREE, np.int64)])
