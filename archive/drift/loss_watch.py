"""Live log-loss of a bundle on a series, watched for a rise by ADWIN (Bifet and Gavalda 2007, of river)."""

from river.drift import ADWIN

BLOCK = 4
"""Outcomes whose mean is one observation: neighbours share most of their horizons, and ADWIN takes them as independent.

Singly they raised false alarms in 9 of 12 streams of block-sampled validation candles, by fours in none.
"""
DELTA = 0.002
"""ADWIN's chance of a false alarm at each look; river's own default."""
CLOCK = 8
"""Observations between two looks."""
LASTING = 125
"""Observations for which a rise counts as one, from when it was last seen."""


class LossWatch:
    """Takes log-losses in order, and says whether they have risen lately."""

    def __init__(self) -> None:
        self._adwin = ADWIN(delta=DELTA, clock=CLOCK, grace_period=5)
        self._block: list[float] = []
        self._since = LASTING  # observations since the last rise
        self.newest: float | None = None  # mean of the newest block, nats

    def add(self, log_loss: float) -> None:
        """Take the log-loss of the next outcome, in nats."""
        self._block.append(log_loss)
        if len(self._block) < BLOCK:
            return
        self.newest = sum(self._block) / BLOCK
        self._block.clear()
        before = float(self._adwin.estimation)
        self._adwin.update(self.newest)
        rose = self._adwin.drift_detected and float(self._adwin.estimation) > before
        self._since = 0 if rose else self._since + 1

    @property
    def risen(self) -> bool:
        """Whether a rise was seen within the last ``LASTING`` observations."""
        return self._since < LASTING
