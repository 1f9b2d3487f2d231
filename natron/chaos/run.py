"""A chaos run: the same file through an undisturbed system, then through one that is not, and the two compared."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import redis

from feature_service.feature_set import FEATURE_SET
from natron.addresses import with_free_addresses
from natron.chaos.broker_outages import BrokerOutages
from natron.chaos.cluster_outages import ClusterOutages
from natron.chaos.disturbance import Disturbance, Outages
from natron.chaos.injections import Injections
from natron.chaos.process_faults import ProcessFaults
from natron.chaos.record import Record
from natron.chaos.report import Burials, ChaosReport
from natron.chaos.request import CANDLES_MIN, ChaosRequest
from natron.chaos.schedule import FEATURE_SERVICES, WORKERS, draw_schedule
from natron.feeder import Feed, Feeder
from natron.prediction_collector import TURN_MS, PredictionCollector, await_predictions
from natron.run_comparison import compare_runs
from natron.system import Shape, System
from producer.history import read_history
from shared.admission import Admission, AdmissionLimits
from shared.broker import connect
from shared.clock import SystemClock
from shared.contracts import Candles, Prediction
from shared.dead_letters import dead_letters
from shared.embedded_broker import EmbeddedBroker
from shared.errors import BrokerError, InputError
from shared.local_cluster import LocalCluster
from shared.names import Names
from shared.settings.groups import Settings

HELD_BACK = 0.03
"""Share of the candles that are replayed only when everything has happened."""


def run_chaos(
    request: ChaosRequest,
    settings: Settings,
    on_stage: Callable[[str], None] = lambda _: None,
    output: IO[bytes] | None = None,
) -> ChaosReport:
    """Run the file twice and compare; blocks for minutes.

    Parameters
    ----------
    on_stage
        Called with a line for a person when something begins.
    output
        File for what the services say; None: where this process says it.

    Raises
    ------
    InputError
        The file cannot be replayed, or is too short.
    BrokerError
        A system that does not start, or a fault that could not be applied.
    """
    began_s = time.monotonic()
    candles = read_history(request.csv, request.series.timeframe, request.tz).candles
    if len(candles) < CANDLES_MIN:
        rule = f"holds {len(candles)} candles; must hold at least {CANDLES_MIN}"
        raise InputError("csv", str(request.csv), rule, "give a longer file")
    with tempfile.TemporaryDirectory(prefix="natron-chaos-") as folder:
        on_stage(f"{len(candles):,} candles through an undisturbed system ...")
        expected = _undisturbed(request, settings, Path(folder), output)
        schedule = draw_schedule(request)
        on_stage(
            f"the same in {schedule.replay_s:.0f} s, and {len(schedule.events)} things that go wrong meanwhile ..."
        )
        with _Disturbed(request, settings, candles, Path(folder), output) as run:
            run.replay()
            run.finish(len(expected))
            found, burials = run.collector.log.predictions, run.burials()
        return ChaosReport(
            request, len(candles), len(expected), len(found), compare_runs(expected, found), run.record,
            burials, run.collector.log.forgotten, schedule.replay_s, time.monotonic() - began_s,
        )  # fmt: skip


def _undisturbed(
    request: ChaosRequest, settings: Settings, folder: Path, output: IO[bytes] | None
) -> Sequence[Prediction]:
    """Predictions of a run in which nothing goes wrong."""
    calm = with_free_addresses(settings, folder / "keys.json")
    with System(calm, Shape(workers=1, bridges=0), folder / "keys.json", None, output) as system:
        system.await_ready()
        feeder = Feeder(Feed(request.csv, request.series, request.tz), system.environ(), folder)
        collector = PredictionCollector(connect(system.broker.url), system.names, SystemClock(), "undisturbed")
        try:

            def tend() -> None:
                feeder.tend()
                system.tend()

            await_predictions(collector, lambda: feeder.due, tend)
        finally:
            feeder.stop()
    missing = (feeder.due or 0) - len(collector.log.predictions)
    if missing or not collector.log.predictions:
        raise BrokerError(f"chaos: the undisturbed run lacks {missing} predictions; there is nothing to compare with")
    return collector.log.predictions


class _Disturbed:
    """The run in which everything goes wrong."""

    def __init__(
        self, request: ChaosRequest, settings: Settings, candles: Candles, folder: Path, output: IO[bytes] | None
    ) -> None:
        self._request, self._candles, self._folder = request, candles, folder
        self.record = Record()
        self._schedule = draw_schedule(request)
        keys = folder / "keys.json"
        shape = Shape(workers=WORKERS, feature_services=FEATURE_SERVICES)
        self._broker = LocalCluster(folder) if request.cluster else EmbeddedBroker(folder / "broker")
        if request.cluster:  # without it, what a fail-over forgets is gone
            settings = settings.model_copy(update={"system": settings.system.model_copy(update={"replicas": 1})})
        self._system = System(with_free_addresses(settings, keys), shape, keys, None, output, self._broker)
        self._limits = AdmissionLimits.of(settings.system)

    def __enter__(self) -> "_Disturbed":
        self._system.start()
        self._client: redis.Redis = connect(self._system.broker.url)
        self._names: Names = self._system.names
        self.collector = PredictionCollector(self._client, self._names, SystemClock(), "chaos")
        return self

    def __exit__(self, *_: object) -> None:
        self._system.stop()

    def replay(self) -> None:
        """Replay at a pace that lets everything fall into it; the last candles come when it is over."""
        self._system.await_ready()
        t = self._candles["t"]
        end = len(t) - max(1, int(HELD_BACK * len(t)))
        speed = float(t[end] - t[0]) / 1_000 / self._schedule.replay_s
        feed = Feed(self._request.csv, self._request.series, self._request.tz, speed, int(t[end]))
        feeder = Feeder(feed, self._system.environ(), self._folder)
        try:
            self._disturb(feeder)
            rest = Feeder(replace(feed, speed=None, end_ms=None), self._system.environ(), self._folder)
            try:
                while rest.report is None:
                    rest.tend()
                    self._system.tend()
                    self.collector.turn(TURN_MS)
            finally:
                rest.stop()
        finally:
            feeder.stop()

    def _disturb(self, feeder: Feeder) -> None:
        system, record = self._system, self.record
        victims = {child.name: child for child in system.children} | {"producer": feeder}
        admission = Admission(self._client, self._names, SystemClock(), self._limits)
        draw = random.Random(self._request.seed)  # noqa: S311 - repeatable is the point
        disturbance = Disturbance(
            self._schedule,
            ProcessFaults(victims, self._client, self._names, self._request.series, record),
            self._outages(draw),
            Injections(
                admission, self._client, self._names, self._request.series, self._candles, draw, record
            ),
        )  # fmt: skip
        while not disturbance.over or feeder.report is None:
            disturbance.tend()
            system.tend_services()
            feeder.tend()
            if disturbance.reachable:
                self.collector.turn(TURN_MS)
            else:
                self.collector.expect_loss()
                time.sleep(TURN_MS / 1_000)

    def _outages(self, draw: random.Random) -> Outages:
        if isinstance(self._broker, EmbeddedBroker):
            return BrokerOutages(self._broker, self._client, self.record)
        keys = [self._names.candles(self._request.series.partition), self._names.members("worker")]
        return ClusterOutages(self._broker, keys, draw, self.record)

    def finish(self, due: int) -> None:
        """Read on until everything is there."""
        await_predictions(self.collector, lambda: due if self._system.ready(self._client) else None, self._system.tend)

    def burials(self) -> Burials:
        """What became a dead letter, and what should have or should not."""
        letters = [letter for letter in dead_letters(self._client, self._names) if letter.reason]
        p = self._request.series.partition
        logs = {self._names.candles(p), self._names.features(p, FEATURE_SET.hash[:8])}
        origins = {(letter.origin, letter.origin_id) for letter in letters}
        innocent = {origin for origin in origins if origin[0] in logs} - self.record.buriable
        reasons = Counter(letter.reason for letter in letters)
        return Burials(reasons, len(self.record.buriable - origins), len(innocent))
