"""The archive: candles, rows' digests, predictions and outcomes, from the logs into Parquet files."""

import sqlite3
from pathlib import Path

import structlog

from archive.scoring.service import shadow_bundles
from archive.storage.kinds import ACKS, CANDLES, FILLS, OUTCOMES, PREDICTIONS, ROWS
from archive.storage.tail import Source, Tail, sources
from archive.storage.vault import Vault
from feature_service.stage import SET8
from shared.broker import LOST
from shared.metrics import ArchiveMetrics
from shared.monitor import MonitorDoor
from shared.service import ServiceContext, open_service
from shared.settings.groups import Settings

SERVICE = "archive"
BLOCK_MS = 100
RETRY_S = 0.5
TENDED_EVERY_S = 60.0
"""Between two looks for new challengers, for files to be made one, and for what has expired."""

_log = structlog.get_logger()


def run(settings: Settings, context: ServiceContext | None = None, *, until_idle: bool = False) -> None:
    """Archive until stopped, or until nothing waits. Blocks.

    Raises
    ------
    InputError
        The folder cannot be written, or another process does.
    """
    metrics = ArchiveMetrics()
    port, door = settings.archive.metrics_port, MonitorDoor.of(settings.system)
    context = context or open_service(SERVICE, settings, lambda: metrics.serve(port, door))
    vault = Vault(Path(settings.archive.folder), write=True)
    try:
        _Archive(settings, context, metrics, vault).run(until_idle)
    finally:
        vault.close()


class _Archive:
    def __init__(self, settings: Settings, context: ServiceContext, metrics: ArchiveMetrics, vault: Vault) -> None:
        self._settings, self._context, self._metrics, self._vault = settings.archive, context, metrics, vault
        self._log_keep = settings.system.log_keep
        self._tended_s = self._written_s = float("-inf")
        self._sources: list[Source] = []
        self._tail = self._fresh_tail()

    def run(self, until_idle: bool) -> None:
        while not self._context.stop.is_set():
            try:
                self._tend()
                read = self._tail.read(self._sources, 0 if until_idle else BLOCK_MS)
                self._metrics.readiness.met("broker")
            except LOST as error:
                if until_idle:
                    raise
                self._metrics.readiness.unmet("broker", str(error))
                _log.warning("broker_awaited", error=str(error), retry_s=RETRY_S)
                self._context.stop.wait(RETRY_S)
                continue
            idle = until_idle and not read
            if idle or self._due():
                self._write()
            if idle:
                break
        self._write()

    def _fresh_tail(self) -> Tail:
        catalog = self._vault.catalog
        client, names = self._context.client, self._context.names
        return Tail(client, names, self._metrics, catalog.positions(), catalog.newest(), self._log_keep)

    def _due(self) -> bool:
        waits = self._context.clock.monotonic_s() - self._written_s >= self._settings.write_s
        return waits or len(self._tail.records) >= self._settings.write_rows

    def _write(self) -> None:
        self._written_s = self._context.clock.monotonic_s()
        records, moved, newest = self._tail.taken()
        if not moved:
            return
        try:
            self._vault.append(records, moved, newest)
        except (OSError, sqlite3.Error) as error:  # a full disk: what was read is read again
            _log.error("archive_not_written", error=str(error), retry_s=RETRY_S)
            self._metrics.readiness.unmet("disk", str(error))
            self._tail = self._fresh_tail()
            self._context.stop.wait(RETRY_S)
            return
        self._metrics.readiness.met("disk")
        for one in records:
            self._metrics.rows.labels(one.kind).inc()

    def _tend(self) -> None:
        if self._context.clock.monotonic_s() - self._tended_s < TENDED_EVERY_S:
            return
        self._tended_s = self._context.clock.monotonic_s()
        names, keep = self._context.names, self._settings
        self._sources = list(sources(names, [SET8], shadow_bundles(self._context.client, names)))
        self._vault.compact()
        months = {
            CANDLES: keep.candle_months,
            ROWS: keep.row_months,
            PREDICTIONS: keep.prediction_months,
            OUTCOMES: keep.outcome_months,
            ACKS: keep.ack_months,
            FILLS: keep.fill_months,
        }
        self._vault.expire(months, self._context.clock.now_ms())
