"""How long to wait before the next try: doubling, capped, jittered so that many do not come back at once."""

from random import Random


class Backoff:
    """Waits of one thing that fails.

    Parameters
    ----------
    first_s, most_s
        The first wait and the longest, before the jitter, which takes off up to half.
    """

    def __init__(self, first_s: float, most_s: float, random: Random) -> None:
        self._first_s, self._most_s, self._random = first_s, most_s, random
        self._next_s = first_s

    def next_s(self, least_s: float = 0.0) -> float:
        """Seconds to wait now; at least ``least_s``, which the other side asked for."""
        wait_s = self._next_s * self._random.uniform(0.5, 1.0)
        self._next_s = min(2 * self._next_s, self._most_s)
        return max(wait_s, least_s)

    def reset(self) -> None:
        """It worked: begin anew."""
        self._next_s = self._first_s
