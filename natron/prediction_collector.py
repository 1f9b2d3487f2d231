"""Everything that the predictions logs say, in order and as often as they say it; held from being trimmed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import redis

from shared.broker import LOST
from shared.clock import Clock
from shared.contracts import Prediction
from shared.names import Names
from shared.prediction_log import PredictionLog

RENEWAL_S = 1.0
TURN_MS = 20
QUIET_S = 1.5
"""How long nothing more may come before a run that has all its predictions is over: whoever woke late has spoken."""
STALLED_S = 30.0
"""Without any progress for so long, what is missing counts as lost."""


@dataclass
class CollectedLog:
    """Predictions in the order in which they were published, repeats included; ``junk`` did not decode."""

    predictions: list[Prediction] = field(default_factory=list)
    junk: int = 0


class PredictionCollector:
    """Reads all logs from their start and holds what it has not read.

    Parameters
    ----------
    name
        Of the hold, as ``natron predictions --follow --hold`` has one.
    """

    def __init__(self, client: redis.Redis, names: Names, clock: Clock, name: str) -> None:
        self._log = PredictionLog(client, names, from_start=True)
        self.clock, self._name = clock, name
        self._due_s = float("-inf")
        self.log = CollectedLog()

    def turn(self, block_ms: int) -> int:
        """Read what is there, waiting up to ``block_ms``; returns how many entries, 0 while the broker is away."""
        with suppress(*LOST):  # full or read-only: reading still works, and nothing is trimmed
            self._hold()
        try:
            published = self._log.read(block_ms)
        except LOST:
            self.clock.sleep(block_ms / 1_000)
            return 0
        for item in published:
            if item.prediction is None:
                self.log.junk += 1
            else:
                self.log.predictions.append(item.prediction)
        return len(published)

    def _hold(self) -> None:
        if self.clock.monotonic_s() >= self._due_s:
            self._due_s = self.clock.monotonic_s() + RENEWAL_S
            self._log.hold(self._name)


def await_predictions(
    collector: PredictionCollector, due: Callable[[], int | None], tend: Callable[[], object]
) -> None:
    """Read until as many predictions as are due are there and nothing more comes, or nothing has come for long.

    Parameters
    ----------
    due
        How many; None while that is not known, or not everything is at work.
    tend
        Called every turn.
    """
    clock = collector.clock
    moved_s = clock.monotonic_s()
    while True:
        tend()
        count = due()
        if collector.turn(TURN_MS) or count is None:
            moved_s = clock.monotonic_s()
        patience_s = QUIET_S if count is not None and len(collector.log.predictions) >= count else STALLED_S
        if clock.monotonic_s() - moved_s > patience_s:
            return
