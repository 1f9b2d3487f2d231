"""The scorer: what came true of predictions, champion's and challengers', and what they are worth lately."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import redis
import structlog

from archive.bundle_shelf import BundleShelf, folders_of
from archive.drift.watch import DriftWatch
from archive.scoring.candle_book import CandleBook
from archive.scoring.figures import mean_log_loss
from archive.scoring.ledger import Ledger
from archive.scoring.stage import ScoredLog, ScoringStage, Told, champion_log, shadow_log
from archive.scoring.taught import TaughtLabels
from inference_worker.registry import Registry
from shared.broker import text
from shared.consumer import Consumer, ConsumerLimits
from shared.contracts import PARTITIONS, Outcome, Series
from shared.membership import Membership
from shared.metrics import Metrics, ScorerMetrics
from shared.monitor import MonitorDoor
from shared.names import Names
from shared.scores import Role, Score, commands
from shared.service import ServiceContext, open_service
from shared.settings.groups import Settings

SERVICE = "scorer"
SHADOWS_EVERY_S = 5.0

_log = structlog.get_logger()


def run(settings: Settings, context: ServiceContext | None = None, *, until_idle: bool = False) -> None:
    """Score until stopped, or until no prediction waits. Blocks."""
    metrics = ScorerMetrics()
    port, door = settings.score.metrics_port, MonitorDoor.of(settings.system)
    context = context or open_service(SERVICE, settings, lambda: metrics.serve(port, door))
    _Scorer(settings, context, metrics).run(until_idle)


@dataclass(frozen=True)
class _Line:
    """One log that is scored."""

    consumer: Consumer[Told]
    ledger: Ledger


class _Scorer:
    def __init__(self, settings: Settings, context: ServiceContext, metrics: ScorerMetrics) -> None:
        self._settings, self._context, self._metrics = settings, context, metrics
        self._book = CandleBook(context.client, context.names)
        self._shelf = BundleShelf(Registry(context.client, context.names), folders_of(settings), context.clock)
        self._shadows: dict[str, threading.Thread] = {}
        self._look_s = float("-inf")
        self._drift: DriftWatch | None = None

    def run(self, until_idle: bool) -> None:
        self._book.start()

        def each() -> None:
            self._watch_rows()
            if not until_idle:
                self._start_shadows()

        champion = self._line(champion_log(self._context.names), "champion", self._metrics, each)
        try:
            champion.consumer.run(until_idle=until_idle)
            if until_idle:
                self._publish(champion.ledger)
                self._watch_rows()
                for bundle in shadow_bundles(self._context.client, self._context.names):
                    self._score_shadow(bundle, until_idle=True)
        finally:
            if self._shadows:
                self._context.stop.set()
            for thread in self._shadows.values():
                thread.join()
            self._book.close()

    def _watch_loss(self, outcome: Outcome, taught: TaughtLabels) -> None:
        """Compare what the champion says with what came true, and its rows with those that it was trained on."""
        prediction = outcome.prediction
        if self._drift is None or self._drift.bundle != prediction.bundle:
            bundle = self._shelf.bundle(prediction.bundle)
            if bundle is None or bundle.manifest.histograms is None:
                return
            context = self._context
            self._drift = DriftWatch(context.client, context.names, context.clock, bundle)
        loss = mean_log_loss(taught.heads, outcome)
        if loss is not None:
            self._drift.add_loss(prediction.series, loss)

    def _watch_rows(self) -> None:
        if self._drift is None:
            return
        self._drift.read()
        pipeline = self._context.client.pipeline(transaction=False)
        for drift in self._drift.news():
            for command in commands(self._context.names, Series.from_key(drift.series).partition, drift):
                pipeline.execute_command(*command)
            self._metrics.drifting.labels(drift.series, drift.bundle).set(drift.drifting)
            for family, strength in drift.families.items():
                self._metrics.drift_strength.labels(drift.series, drift.bundle, family).set(strength)
        pipeline.execute()

    def _start_shadows(self) -> None:
        """Score challengers that have come, each in a thread of its own."""
        if self._context.clock.monotonic_s() < self._look_s:
            return
        self._look_s = self._context.clock.monotonic_s() + SHADOWS_EVERY_S
        for bundle in shadow_bundles(self._context.client, self._context.names):
            if bundle not in self._shadows:
                _log.info("challenger_scored", bundle=bundle)
                thread = threading.Thread(target=self._score_shadow, args=(bundle,), name=f"scorer-{bundle}")
                self._shadows[bundle] = thread
                thread.start()

    def _score_shadow(self, bundle: str, *, until_idle: bool = False) -> None:
        line = self._line(shadow_log(self._context.names, bundle), "shadow", Metrics(SERVICE), lambda: None)
        line.consumer.run(until_idle=until_idle)
        self._publish(line.ledger)

    def _line(self, log: ScoredLog, role: Role, metrics: Metrics, each: Callable[[], None]) -> _Line:
        settings, context = self._settings, self._context
        ledger = Ledger(
            context.client,
            log,
            role,
            self._book,
            self._shelf,
            context.clock,
            settings.score,
            settings.backtest,
            self._metrics,
            self._watch_loss if role == "champion" else lambda _outcome, _taught: None,
        )
        stage = ScoringStage(
            context.client,
            log,
            self._book,
            self._shelf,
            ledger,
            (settings.system.predictions_keep, settings.score.window),
        )

        def on_renewal() -> None:
            self._publish(ledger)
            each()

        limits = settings.system
        consumer = Consumer(
            context.client,
            context.names,
            stage,
            Membership(context.client, context.names, log.service, context.instance, context.clock),
            context.clock,
            ConsumerLimits(settings.score.read_count, settings.score.batch, limits.max_backlog, limits.max_attempts),
            metrics,
            context.stop,
            on_renewal,
        )
        return _Line(consumer, ledger)

    def _publish(self, ledger: Ledger) -> None:
        pipeline = self._context.client.pipeline(transaction=False)
        for score in ledger.scores():
            for command in commands(self._context.names, Series.from_key(score.series).partition, score):
                pipeline.execute_command(*command)
            _show(self._metrics, score)
        pipeline.execute()


def shadow_bundles(client: redis.Redis, names: Names) -> list[str]:
    """Challengers that have predicted, by what positions they have left."""
    pipeline = client.pipeline(transaction=False)
    for p in range(PARTITIONS):
        pipeline.hkeys(names.position(p))
    stages = {text(stage) for found in pipeline.execute() for stage in found}
    return sorted(stage.removeprefix("shadow:") for stage in stages if stage.startswith("shadow:"))


def _show(metrics: ScorerMetrics, score: Score) -> None:
    one = score.series, score.bundle
    metrics.candles.labels(*one).set(score.candles)
    if score.rule is not None:
        metrics.rule_return.labels(*one).set(score.rule.total_return)
    for head, found in score.heads.items():
        metrics.accuracy.labels(*one, head).set(found.accuracy)
        metrics.persistence.labels(*one, head).set(found.persistence)
        metrics.log_loss.labels(*one, head).set(found.log_loss)
        metrics.brier.labels(*one, head).set(found.brier)
        metrics.ece.labels(*one, head).set(found.ece)
