"""Everything that the predictions logs say, in order and as often as they say it; held from being trimmed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import redis

from shared.broker import LOST
from shared.clock import Clock
from shared.contracts import Prediction
from shared.gate import START
from shared.names import Names
from shared.prediction_log import PredictionLog

RENEWAL_S = 1.0
TURN_MS = 20
QUIET_S = 1.5
"""How long nothing more may come before a run that has all its predictions is over: whoever woke late has spoken."""
STALLED_S = 30.0
"""Without any progress for so long, what is missing counts as lost."""
_LOOKED_UP = 256  # entries a call, when looking which of those read a broker still has


@dataclass
class CollectedLog:
    """Predictions in the order in which they were published, repeats included.

    ``junk`` counts what did not decode; ``forgotten`` predictions that a broker no longer had when it came back.
    """

    predictions: list[Prediction] = field(default_factory=list)
    places: list[tuple[int, str]] = field(default_factory=list)  # partition and entry ID of each
    junk: int = 0
    forgotten: int = 0


class PredictionCollector:
    """Reads all logs from their start and holds what it has not read.

    A broker that is killed while its disk is slow comes back without its tail: what the log says is then what it says
    now, and what was read of the lost tail does not count.

    Parameters
    ----------
    name
        Of the hold, as ``natron predictions --follow --hold`` has one.
    """

    def __init__(self, client: redis.Redis, names: Names, clock: Clock, name: str) -> None:
        self._log = PredictionLog(client, names, from_start=True)
        self._client, self._names, self._name = client, names, name
        self.clock = clock
        self._due_s = float("-inf")
        self._was_lost = False
        self.log = CollectedLog()

    def turn(self, block_ms: int) -> int:
        """Read what is there, waiting up to ``block_ms``; returns how many entries, 0 while the broker is away."""
        with suppress(*LOST):  # full or read-only: reading still works, and nothing is trimmed
            self._hold()
        try:
            if self._was_lost:
                self._forget_lost()
                self._was_lost = False
            published = self._log.read(block_ms)
        except LOST:
            self._was_lost = True
            self.clock.sleep(block_ms / 1_000)
            return 0
        for item in published:
            if item.prediction is None:
                self.log.junk += 1
            else:
                self.log.predictions.append(item.prediction)
                self.log.places.append((item.partition, item.id))
        return len(published)

    def expect_loss(self) -> None:
        """The broker was killed: look what it still has before reading on."""
        self._was_lost = True

    def _forget_lost(self) -> None:
        """Go back, in each log, to the newest entry read that is still there."""
        for p in [p for p, position in self._log.positions.items() if position != START]:
            read = [at for at, place in enumerate(self.log.places) if place[0] == p]
            kept = self._newest_kept(p, read)
            lost = set(read[kept:])
            self._log.positions[p] = self.log.places[read[kept - 1]][1] if kept else START
            if lost:
                self.log.forgotten += len(lost)
                self.log.predictions = [one for at, one in enumerate(self.log.predictions) if at not in lost]
                self.log.places = [one for at, one in enumerate(self.log.places) if at not in lost]

    def _newest_kept(self, p: int, read: list[int]) -> int:
        """How many of the entries read, from the first on, precede what the log has lost of them."""
        for end in range(len(read), 0, -_LOOKED_UP):
            part = read[max(0, end - _LOOKED_UP) : end]
            pipeline = self._client.pipeline(transaction=False)
            for at in part:
                entry_id = self.log.places[at][1]
                pipeline.execute_command("XRANGE", self._names.predictions(p), entry_id, entry_id)
            there = [bool(reply) for reply in pipeline.execute()]
            if any(there):
                return end - there[::-1].index(True)
        return 0

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
