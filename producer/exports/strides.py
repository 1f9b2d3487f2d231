"""Stretches of another timeframe: files of two, one after the other, as terminals and joined downloads make them."""

import numpy as np
from numpy.typing import NDArray

from producer.exports.grid import Grid
from shared.errors import FormatError
from shared.timeframe import timeframe_name

_STRETCH = 32
"""Steps in a row without one of the file's own width: a thin market has no such run of equal steps."""

_LONG_STRETCH = 250
"""The same where the timeframe was told: candles an hour apart at week-ends, prints a day apart far from expiry."""

_SHARE = 0.6
"""Least part of a stretch that is of one width (of days, weekends left out, every fifth step is longer)."""

_MONTHS_MS = (28 * 86_400_000, 31 * 86_400_000)

Int64s = NDArray[np.int64]


def check_strides(local_ms: Int64s, lines: Int64s, grid: Grid) -> None:
    """Stop where the rows (N,) of a block go on in another timeframe than the file's.

    Raises
    ------
    FormatError
        Its line, and both timeframes.
    """
    steps = np.abs(np.diff(local_ms))
    moved = np.flatnonzero(steps)
    steps = steps[moved]
    own = np.flatnonzero(steps == grid.width_ms)
    edges = np.concatenate([[-1], own, [len(steps)]])
    for index in np.flatnonzero(np.diff(edges) > (_LONG_STRETCH if grid.told else _STRETCH)).tolist():
        first, last = int(edges[index]) + 1, int(edges[index + 1])
        name, share = _common(steps[first:last])
        if name is not None and share >= _SHARE:
            begin, end = (int(lines[moved[at] + after]) for at, after in ((first, 0), (last - 1, 1)))
            raise FormatError(
                f"lines {begin} to {end}",
                name,
                f"is their timeframe, and {grid.timeframe} that of the file",
                "split the file, one timeframe each" + ("" if grid.told else f"; or say --timeframe {grid.timeframe}"),
            )


def _common(steps: Int64s) -> tuple[str | None, float]:
    """The timeframe that most steps are of, and how many; months have no one width. None: no timeframe's."""
    months = ((steps >= _MONTHS_MS[0]) & (steps <= _MONTHS_MS[1])).mean()
    if months > 0.5:
        return "a month", float(months)
    widths, counts = np.unique(steps, return_counts=True)
    return timeframe_name(int(widths[counts.argmax()])), float(counts.max() / len(steps))
