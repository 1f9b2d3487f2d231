"""A row of a bench: a value beside its peer, taken in the same run."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One figure. ``peer_value`` is None where nothing is comparable; ``goal`` says what was aimed at."""

    name: str
    unit: str
    better: str  # lower or higher
    value: float
    peer: str = ""
    peer_value: float | None = None
    goal: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer."""
        if self.peer_value is None:
            return None
        return self.peer_value / self.value if self.better == "lower" else self.value / self.peer_value


def best_seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Shortest of several runs: on a shared machine the others measure the neighbours."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
