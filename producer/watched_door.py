"""Admission as those who watch a producer see it: whether its broker answers, and what became of its candles."""

from collections import Counter as Counted

from prometheus_client import Counter

from producer.replay import Door
from shared.admission import Verdict
from shared.broker import LOST
from shared.contracts import Candles, Series
from shared.errors import BrokerError
from shared.readiness import Readiness


class WatchedDoor:
    """A door that tells how it goes.

    Parameters
    ----------
    candles
        Counts candles by verdict; None where somebody else does.
    """

    def __init__(self, door: Door, readiness: Readiness, candles: Counter | None = None) -> None:
        self._door, self._readiness, self._candles = door, readiness, candles

    def newest(self, series: Series) -> int | None:
        """As the door's."""
        try:
            newest = self._door.newest(series)
        except (BrokerError, *LOST) as error:
            self._readiness.unmet("broker", str(error))
            raise
        self._readiness.met("broker")
        return newest

    def admit(self, series: Series, candles: Candles, flags: int, source: str, after: int = 0) -> list[Verdict]:
        """As the door's."""
        try:
            verdicts = self._door.admit(series, candles, flags, source, after)
        except (BrokerError, *LOST) as error:
            self._readiness.unmet("broker", str(error))
            raise
        self._readiness.met("broker")
        if self._candles is not None:
            for verdict, count in Counted(verdicts).items():
                self._candles.labels(verdict).inc(count)
        return verdicts
