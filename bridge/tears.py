"""Acks that were lost here: what follows one must not be confirmed before it came again, as confirming covers it."""

from collections import OrderedDict

from shared.clock import Clock

TORN_S = 10.0
"""An EA repeats what was not confirmed every 5 s, beginning with the oldest; one that it gave up never comes."""
TEARS_MAX = 1_024


class Tears:
    """For each run of a connection the lowest number that was lost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lost: OrderedDict[tuple[bytes, str], tuple[int, float]] = OrderedDict()

    def tear(self, peer: bytes, run: str, number: int) -> None:
        """Note that this number was lost."""
        lowest, _ = self._lost.pop((peer, run), (number, 0.0))
        self._lost[peer, run] = (min(lowest, number), self._clock.monotonic_s() + TORN_S)
        if len(self._lost) > TEARS_MAX:
            self._lost.popitem(last=False)

    def hides(self, peer: bytes, run: str, number: int) -> bool:
        """Whether a lost number stands before this one; the lost one itself closes the gap."""
        lowest, until_s = self._lost.get((peer, run), (number, 0.0))
        if number > lowest and self._clock.monotonic_s() < until_s:
            return True
        self._lost.pop((peer, run), None)
        return False
