# mypy: allow-untyped-decorators
"""Candles made of smaller ones, or of ticks: where each opens on the source's own clock, and what they add up to."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from producer.zones import Zone
from shared.contracts import CANDLE_DTYPE, Candles

_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_WEEK_MS = 604_800_000
_MONDAY_MS, _SUNDAY_MS = 4 * _DAY_MS, 3 * _DAY_MS  # of the weeks that begin with 1970, on a Thursday

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]


class Buckets:
    """Where the candles of a timeframe open.

    Parameters
    ----------
    zone
        The source's clock: candles begin at multiples of ``width_ms`` on it, so that the day of a broker at UTC+2
        opens at 22:00 UTC, and an hour earlier in its summer.
    sunday
        Weeks begin on Sunday, as MetaTrader's do, instead of Monday.
    """

    def __init__(self, width_ms: int, zone: Zone, *, sunday: bool = False) -> None:
        self._width_ms, self._zone = width_ms, zone
        self._phase_ms = (_SUNDAY_MS if sunday else _MONDAY_MS) if width_ms == _WEEK_MS else 0

    def opens(self, utc_ms: Int64s) -> Int64s:
        """Open times, UTC ms, of the candles that instants (N,) belong to."""
        offsets = self._zone.offsets(utc_ms)
        local = (utc_ms + offsets - self._phase_ms) // self._width_ms * self._width_ms + self._phase_ms
        if self._width_ms <= _HOUR_MS or not self._zone.changes:
            return local - offsets
        # The clock may have been changed since the candle's open: the open's own offset counts.
        distinct, places = np.unique(local, return_inverse=True)
        readings = self._zone.readings(distinct)
        return np.asarray(np.where(readings.skipped, readings.later, readings.earlier)[places])


class Gatherer:
    """Adds rows up to candles, row after row: the same bits however the rows are cut into pieces.

    Attributes
    ----------
    late
        Rows passed over, because a later candle had begun.
    """

    def __init__(self) -> None:
        self._t = np.zeros(1, np.int64)  # open time of the candle under way, 0 where there is none
        self._values = np.zeros(5)
        self.late = 0

    def add(self, opens: Int64s, rows: Floats) -> Candles:
        """Take rows in and return the candles that they finish.

        Parameters
        ----------
        opens
            (N,) open times of the candles that the rows belong to, UTC ms.
        rows
            (N, 5) open, high, low, close, volume.
        """
        t = np.empty(len(opens) + 1, np.int64)
        values = np.empty((len(opens) + 1, 5))
        finished, late = _gather(opens, rows, self._t, self._values, t, values)
        self.late += late
        return _candles(t[:finished], values[:finished])

    def finish(self) -> Candles:
        """Return the candle under way, where there is one; rows that come later begin anew."""
        candles = _candles(self._t[self._t > 0], self._values[None][self._t > 0])
        self._t[0] = 0
        return candles


def _candles(t: Int64s, values: Floats) -> Candles:
    candles = np.empty(len(t), CANDLE_DTYPE)
    candles["t"] = t
    for column, name in enumerate("ohlcv"):
        candles[name] = values[:, column]
    return candles


@njit(cache=True)
def _gather(
    opens: Int64s, rows: Floats, held_t: Int64s, held: Floats, t: Int64s, values: Floats
) -> tuple[int, int]:  # pragma: no cover - compiled
    finished, late = 0, 0
    for at in range(opens.size):
        if opens[at] < held_t[0]:
            late += 1
        elif opens[at] == held_t[0]:
            held[1] = max(held[1], rows[at, 1])
            held[2] = min(held[2], rows[at, 2])
            held[3] = rows[at, 3]
            held[4] += rows[at, 4]
        else:
            if held_t[0] > 0:
                t[finished] = held_t[0]
                values[finished] = held
                finished += 1
            held_t[0] = opens[at]
            held[:] = rows[at]
    return finished, late
