"""Feature rows of a whole history, by the kernel that the stream runs."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from feature_service.feature_set import FEATURE_SET
from feature_service.kernels.columns import COLUMNS, REACH
from feature_service.kernels.entries import ENTRIES
from feature_service.table import candle_table
from shared.contracts import CANDLE_DTYPE, Candles, Rows

_Float = TypeVar("_Float", np.float32, np.float64)


def compute_history(candles: Candles, newest: int | None = None) -> Rows:
    """Feature rows of a series from its first candle on, or of its newest candles alone.

    Parameters
    ----------
    candles
        (N,) closed candles of one series, ascending. Before the first it is taken as flat at its open.
    newest
        How many of the last candles to make rows of, all where there are fewer; None: of every one.

    Returns
    -------
    (N or ``newest``, F) float32 in model order; row i depends on candles i - lookback + 1 to i alone.

    Raises
    ------
    InputError
        The array is not one of candles.
    """
    count = len(candles) if newest is None else min(newest, len(candles))
    return _compute(candles, np.empty((count, FEATURE_SET.size), np.float32))


def compute_values(candles: Candles) -> NDArray[np.float64]:
    """Return the rows of ``compute_history`` as they are before they become float32: (N, F) float64."""
    return _compute(candles, np.empty((len(candles), FEATURE_SET.size), np.float64))


def warm() -> None:
    """Compile every kernel that a service calls, or, where that was done before, read it from disk."""
    from feature_service.rings import SeriesRings  # noqa: PLC0415

    candle = np.array([(1, 1.0, 1.0, 1.0, 1.0, 0.0)], CANDLE_DTYPE)
    compute_history(candle)
    rings = SeriesRings()
    slot = rings.acquire()
    rings.seed(slot, candle)
    rings.push(np.array([slot]), candle)


def _compute(candles: Candles, rows: NDArray[_Float]) -> NDArray[_Float]:
    table = candle_table(candles)
    if len(table):
        ENTRIES.compute_rows(np.empty((COLUMNS, REACH - 1 + len(table))), table, rows)
    return rows
