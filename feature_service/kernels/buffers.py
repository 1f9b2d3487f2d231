"""How candles enter buffers and rows leave them: a whole history, a series' past, candles one by one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from feature_service.kernels.columns import COLUMNS, OPEN, REACH, Buffer, derive, fill_flat, put_candle
from feature_service.kernels.compile import kernel
from feature_service.kernels.row import SCRATCH, compute_row

SLACK = 16
"""Candles that a series' buffer takes before the newest are moved back to its front."""

WIDTH = REACH + SLACK
"""Candles in a series' buffer."""

FREE = -1  # end of a slot that nobody holds
NEW = 0  # end of a slot whose series has no candle yet

Buffers = NDArray[np.float64]  # (slots, COLUMNS, WIDTH)
Table = NDArray[np.float64]  # (N, 6) candles seen as float64: t (its bits are those of an int64), o, h, l, c, v
Values = NDArray[np.floating[Any]]  # (N, F)

_PAST = REACH - 1  # candles before the first that a row is made for


@kernel
def first_end(slot: int) -> int:
    """Where a slot's first candle goes: not the same for all, so that buffers do not fill up in one call."""
    return _PAST + slot % (SLACK + 1)


@kernel
def compute_rows(columns: Buffer, candles: Table, rows: Values) -> None:
    """Rows of a history's newest candles, as many as ``rows`` has; ``columns`` is (COLUMNS, REACH - 1 + N)."""
    fill_flat(columns, _PAST, candles[0, OPEN + 1])
    values = np.empty(rows.shape[1])
    scratch = np.empty(SCRATCH)
    times = candles.view(np.int64)
    first = candles.shape[0] - rows.shape[0]
    for place in range(candles.shape[0]):
        put_candle(columns, _PAST + place, candles[place])
        derive(columns, _PAST + place)
        if place >= first:
            compute_row(columns, _PAST + place, times[place, 0], scratch, values)
            rows[place - first] = values


@kernel
def lay_past(buffers: Buffers, ends: NDArray[np.int64], slot: int, candles: Table) -> None:
    """Lay 1 to REACH - 1 candles into a slot, and before them a flat past."""
    columns = buffers[slot]
    end = first_end(slot)
    first = end - candles.shape[0]
    fill_flat(columns, first, candles[0, OPEN + 1])
    for place in range(candles.shape[0]):
        put_candle(columns, first + place, candles[place])
        if first + place > 0:
            derive(columns, first + place)
    ends[slot] = end


@kernel
def make_room(columns: Buffer) -> None:
    """Move the newest REACH - 1 candles to the front."""
    for column in range(COLUMNS):
        for place in range(_PAST):
            columns[column, place] = columns[column, place + WIDTH - _PAST]


@kernel
def first_stranger(ends: NDArray[np.int64], slots: NDArray[np.int64]) -> int:
    """Place of the first slot that nobody holds, or -1."""
    for place in range(slots.size):
        if slots[place] < 0 or slots[place] >= ends.size or ends[slots[place]] == FREE:
            return place
    return -1


@kernel
def push_candles(
    buffers: Buffers, ends: NDArray[np.int64], slots: NDArray[np.int64], candles: Table, rows: Values
) -> int:
    """Take candles in, each into its slot, and write their rows.

    Returns -1, or the place of a slot that nobody holds; then nothing was taken in.
    """
    stranger = first_stranger(ends, slots)
    if stranger >= 0:
        return stranger
    values = np.empty(rows.shape[1])
    scratch = np.empty(SCRATCH)
    times = candles.view(np.int64)
    for place in range(slots.size):
        slot = slots[place]
        columns = buffers[slot]
        at = ends[slot]
        if at == NEW:
            at = first_end(slot)
            fill_flat(columns, at, candles[place, OPEN + 1])
        elif at == WIDTH:
            at = _PAST
            make_room(columns)
        put_candle(columns, at, candles[place])
        derive(columns, at)
        compute_row(columns, at, times[place, 0], scratch, values)
        rows[place] = values
        ends[slot] = at + 1
    return stranger
