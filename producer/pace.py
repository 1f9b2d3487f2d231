"""When replayed candles are due: at their close, in time that runs N times as fast."""

import numpy as np
from numpy.typing import NDArray

from shared.clock import Clock


class Pace:
    """Turns the closes of candles into waits; the first candle is due at once.

    Parameters
    ----------
    speed
        Times real time; None never waits.
    """

    def __init__(self, clock: Clock, speed: float | None, width_ms: int) -> None:
        self._clock, self._speed, self._width_ms = clock, speed, width_ms
        self._start: tuple[float, int] | None = None  # monotonic seconds, close in ms

    def wait(self, t: NDArray[np.int64]) -> int:
        """Wait until the first of ``t`` (N,), open times in ms, is due; return how many are due in a row."""
        if self._speed is None:
            return len(t)
        closes = t + self._width_ms
        if self._start is None:
            self._start = (self._clock.monotonic_s(), int(closes[0]))
        begin_s, begin_ms = self._start
        due_s = begin_s + (closes - begin_ms) / (1000 * self._speed)
        early_s = float(due_s[0]) - self._clock.monotonic_s()
        if early_s > 0:
            self._clock.sleep(early_s)
        later = np.flatnonzero(due_s > self._clock.monotonic_s() + 1e-9)
        return max(int(later[0]) if later.size else len(t), 1)
