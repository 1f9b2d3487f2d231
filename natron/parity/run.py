"""A file through the real services, and through the trainer's path; then the two beside each other."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from inference_worker.session import Job, Session
from natron.feeder import Feed, Feeder
from natron.parity.comparison import Computed, Difference, Published, first_difference
from natron.parity.row_collector import RowCollector
from natron.prediction_collector import PredictionCollector, await_predictions
from natron.system import Shape, System
from producer.history import read_history
from shared.broker import connect
from shared.clock import SystemClock
from shared.contracts import WINDOW, Candles, Rows, Series
from shared.errors import InputError
from shared.settings.groups import Settings

LOG_KEEP_MAX = 200_000
"""Rows kept for the collector, which reads all the time; a row is half a kilobyte."""
BACKLOG = 16_384


@dataclass(frozen=True)
class ParityRequest:
    """What to compare; ``timeframe`` None: the file's own."""

    csv: Path
    symbol: str
    timeframe: str | None
    tz: str | None


@dataclass(frozen=True)
class ParityReport:
    """How many rows and predictions were compared, and the first difference, if any."""

    candles: int
    rows: int
    predictions: int
    difference: Difference | None
    bundle: str
    seconds: float

    def document(self) -> dict[str, Any]:
        """JSON-able form."""
        first = None if self.difference is None else self.difference.document()
        return vars(self) | {"equal": self.difference is None, "difference": first, "seconds": round(self.seconds, 1)}


def run_parity(
    request: ParityRequest,
    settings: Settings,
    on_stage: Callable[[str], None] = lambda _: None,
    output: IO[bytes] | None = None,
    history_rows: Callable[[Candles], Rows] = compute_history,
) -> ParityReport:
    """Run both and compare.

    Parameters
    ----------
    on_stage
        Called with a line for a person when something begins.
    output
        File for what the services say; None: where this process says it.
    history_rows
        The trainer's path to (N, F) rows.

    Raises
    ------
    InputError
        The file cannot be read, or has too few candles for a prediction.
    """
    began_s = time.monotonic()
    history = read_history(request.csv, request.timeframe, request.tz)
    candles = history.candles[:-1]  # the services withhold the last one, which may be open
    if len(candles) < WINDOW:
        rule = f"holds {len(candles)} closed candles; a prediction needs {WINDOW}"
        raise InputError("csv", str(request.csv), rule, "give a longer file")
    series = Series(request.symbol, history.report.timeframe)
    on_stage(f"{len(candles):,} candles of {series.key} through the services ...")
    published = _serve(request, settings, series, len(candles), output)
    on_stage("and through the trainer's path ...")
    session = Session(Bundle.load(bundle_folder(settings)), settings.inference.threads, settings.inference.max_tokens)
    rows = history_rows(candles)
    heads = session.run([Job(session.acquire(), rows, fresh=True)])[0]
    difference = first_difference(published, Computed(candles, FEATURE_SET.names, rows, heads))
    return ParityReport(
        len(candles), len(published.rows), len(published.predictions), difference, session.bundle.manifest.id,
        time.monotonic() - began_s,
    )  # fmt: skip


def _serve(
    request: ParityRequest, settings: Settings, series: Series, count: int, output: IO[bytes] | None
) -> Published:
    """Everything that the services publish for the file."""
    keep = min(count, LOG_KEEP_MAX)
    system_settings = settings.system.model_copy(
        update={"log_keep": keep, "max_backlog": max(keep, settings.system.predictions_keep) + BACKLOG}
    )
    settings = settings.model_copy(update={"system": system_settings})
    with tempfile.TemporaryDirectory(prefix="natron-parity-") as folder:
        keys = Path(folder, "keys.json")
        with System(settings, Shape(workers=1, bridges=0), keys, None, output) as system:
            system.await_ready()
            client = connect(system.broker.url)
            feed = Feed(request.csv, series, request.tz)
            feeder = Feeder(feed, system.environ(), Path(folder))
            rows = RowCollector(client, system.names, series, FEATURE_SET.hash)
            predictions = PredictionCollector(client, system.names, SystemClock(), "parity")

            def tend() -> None:
                feeder.tend()
                system.tend()
                rows.turn()

            try:
                await_predictions(predictions, lambda: feeder.due, tend)
            finally:
                feeder.stop()
            rows.turn()
            return rows.published(predictions.log.predictions, FEATURE_SET.size)
