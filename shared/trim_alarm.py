"""An alarm for readers that hold nobody back: what they have not read is trimmed all the same."""

from collections.abc import Mapping

import structlog

from shared.metrics import Metrics
from shared.stage import StageKeys

ALARM_SHARE = 0.5
"""Of what is kept for readers behind: with more than this unread, the rest is soon trimmed."""

_log = structlog.get_logger()


class TrimAlarm:
    """Tells how near a reader is to missing entries, and how many it has missed.

    A stage that holds its input has nothing to fear, and is not watched.
    """

    def __init__(self, keys: StageKeys, metrics: Metrics) -> None:
        self._stage, self._metrics = keys.stage, metrics
        self._keep = 0 if keys.holds_input else keys.input_keep

    def look(self, unread: Mapping[int, int], missed: int) -> None:
        """Take in what a batch has found.

        Parameters
        ----------
        unread
            Partition -> entries that wait.
        missed
            Entries that were trimmed before they were read, since the last look.
        """
        if missed:
            self._metrics.entries_missed.inc(missed)
            _log.error("entries_missed", stage=self._stage, entries=missed)
        if not self._keep or not unread:
            return
        p, waiting = max(unread.items(), key=lambda item: item[1])
        self._metrics.room.set(max(0, self._keep - waiting))
        if waiting > ALARM_SHARE * self._keep:
            _log.error("reader_falls_behind", stage=self._stage, partition=p, waiting=waiting, kept=self._keep)
