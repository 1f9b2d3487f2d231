"""A challenger: predicts from a position of its own into a stream of its own, and holds nobody back."""

from collections import OrderedDict

import redis

from inference_worker.session import Session
from inference_worker.stage import RECENT_KEEP, PredictionStage
from shared.clock import Clock
from shared.contracts import WINDOW, FeatureRow, Series
from shared.errors import StorageError
from shared.metrics import Metrics
from shared.names import Names
from shared.settings.groups import Settings
from shared.stage import Dead, Pass, StageKeys


class ShadowStage(PredictionStage):
    """The champion's work with another bundle, of no consequence to anybody.

    It trims nothing that others read, so what it reads may be trimmed before it comes: a series whose 96 rows are
    gone is passed over, counted, until this stage has read 96 in a row itself.
    """

    def __init__(
        self,
        client: redis.Redis,
        names: Names,
        clock: Clock,
        settings: Settings,
        metrics: Metrics,
        session: Session,
    ) -> None:
        super().__init__(client, names, clock, settings, metrics, session)
        self._id = session.bundle.manifest.id
        self._gathered: OrderedDict[str, list[FeatureRow]] = OrderedDict()  # rows in a row, fewer than WINDOW
        self._max_series = settings.inference.max_series
        self.keys = StageKeys(
            stage=f"shadow:{self._id}",
            service=f"shadow:{self._id}",
            holds_input=False,
            input_keep=settings.system.log_keep,
            output_keep=settings.system.predictions_keep,
            side_keep=RECENT_KEEP,
        )

    def output_log(self, p: int) -> str:
        """The challenger's log."""
        return self._names.shadow(p, self._id)

    def side(self, series: Series) -> str:
        """The challenger's recent predictions."""
        return self._names.shadow_recent(series.partition, self._id, series.key)

    def _recall(self, row: FeatureRow) -> list[FeatureRow] | Dead | Pass:
        try:
            found = super()._recall(row)
        except StorageError:
            found = Dead("junk", "trimmed")
        if isinstance(found, list):
            self._gathered.pop(row.series.key, None)
            return found
        if isinstance(found, Dead) and found.reason == "repeat":
            return found
        return self._gather(row)

    def _gather(self, row: FeatureRow) -> list[FeatureRow] | Pass:
        """Rows before this one that were read one after the other; Pass while they are too few."""
        key = row.series.key
        rows = self._gathered.pop(key, [])
        if not rows or (rows[-1].n, rows[-1].t) != (row.n - 1, row.previous_t):
            rows = []
        rows.append(row)
        if len(rows) == WINDOW:
            return rows[:-1]
        self._gathered[key] = rows
        while len(self._gathered) > self._max_series:
            self._gathered.popitem(last=False)
        self._metrics.passed_over.inc()
        return Pass()
