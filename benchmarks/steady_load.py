"""Candles of a few series at a steady pace while things happen to the system, and what became of each."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmarks.live_system import LiveSystem
from bridge.events import Signal
from feature_service.service import run as make_rows
from inference_worker.service import run as predict
from natron.run_comparison import compare_runs
from producer.sample import sample_candles
from shared.admission import Admission, AdmissionLimits
from shared.broker import LOST, connect
from shared.clock import SystemClock
from shared.contracts import WINDOW, Candles, Prediction, Series
from shared.embedded_broker import EmbeddedBroker
from shared.names import Names
from shared.prediction_log import PredictionLog
from shared.service import ServiceContext

SERIES, HISTORY = 20, 120
PER_S = 100
"""Candles a second, one series after the other: half of what a slow core does, so what waits, waits for a reason."""
LOOK_S = 0.05
"""Between two looks whether a step is over."""
PATIENCE_S = 60.0
ROOMY = 1_000_000

Step = Callable[[], bool]
"""Whether what a scenario waits for has come."""


@dataclass(frozen=True)
class Outcome:
    """One scenario: how long each signal that came took, in ms, and (series key, t) of the candles published in it."""

    waits_ms: list[float]
    keys: set[tuple[str, int]]

    def quantile_ms(self, share: float) -> float:
        """Milliseconds that ``share`` of the signals did not exceed."""
        return float(np.quantile(self.waits_ms, share))


class SteadyLoad:
    """Publishes, listens and compares; a context, as its listener is a thread.

    Parameters
    ----------
    candles
        How many of each series there are to publish, history included.
    """

    def __init__(self, live: LiveSystem, candles: int) -> None:
        self._live = live
        self._candles = {Series(f"S{at}", "M15"): sample_candles(candles, "M15", at) for at in range(SERIES)}
        self._order = list(self._candles)
        self._published = 0  # candles after the histories, of all series
        self._sent_us: dict[tuple[str, int], int] = {}
        self._came_us: dict[tuple[str, int], int] = {}
        self._read: list[Prediction] = []
        for series, its_candles in self._candles.items():
            live.publish([(series, its_candles[:HISTORY])])
        live.await_signals(SERIES * (HISTORY - WINDOW + 1))
        self._log = PredictionLog(connect(live.system.broker.url), live.system.names, from_start=True)
        self._listener = threading.Thread(target=self._listen, name="listener", daemon=True)

    def __enter__(self) -> "SteadyLoad":
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop.set()
        self._listener.join()

    def _listen(self) -> None:
        for event in self._live.client.events():
            if isinstance(event, Signal):
                prediction = event.line.prediction
                self._came_us.setdefault((prediction.series.key, prediction.t), event.received_us)

    def run(self, steps: Iterator[Step]) -> Outcome:
        """Publish at the pace until the last step is over and every prediction is in its log."""
        keys: set[tuple[str, int]] = set()
        begun_s, look_s = time.monotonic(), 0.0
        over = next(steps, None)
        while over is not None:
            if time.monotonic() >= look_s:
                look_s = time.monotonic() + LOOK_S
                self._live.system.tend()
                if over():
                    over = next(steps, None)
            if len(keys) < (time.monotonic() - begun_s) * PER_S:
                keys |= self._publish_next()
            else:
                time.sleep(0.5 / PER_S)
        self._await_log()
        time.sleep(LOOK_S)  # the last signals are on their way
        waits = [(self._came_us[key] - self._sent_us[key]) / 1_000 for key in keys if key in self._came_us]
        return Outcome(waits, keys)

    def _publish_next(self) -> set[tuple[str, int]]:
        series = self._order[self._published % SERIES]
        at = HISTORY + self._published // SERIES
        candle = self._candles[series][at : at + 1]
        key = (series.key, int(candle["t"][0]))
        self._sent_us.setdefault(key, time.time_ns() // 1_000)
        try:
            self._live.publish([(series, candle)])
        except LOST:  # the broker stands still: the same again, it knows what it has
            return set()
        self._published += 1
        return {key}

    def _await_log(self) -> None:
        """Read the log up to the last prediction that is due, or until nothing comes for long."""
        due = SERIES * (HISTORY - WINDOW + 1) + self._published
        quiet_s = time.monotonic()
        while len(self._read) < due and time.monotonic() < quiet_s + PATIENCE_S:
            self._live.system.tend()
            if found := self._log.read(20):
                self._read += [one.prediction for one in found if one.prediction is not None]
                quiet_s = time.monotonic()

    def found(self, outcome: Outcome) -> list[Prediction]:
        """What the predictions log says of a scenario's candles, repeats included."""
        return [one for one in self._read if (one.series.key, one.t) in outcome.keys]

    def faults(self, outcome: Outcome) -> int:
        """Predictions lost, twice, different and out of order beside a run in which nothing happens.

        Only after the last ``run``. Names of bundles do not count: the bundles here differ in nothing else.
        """
        expected = [_unsigned(one) for one in self._calm if (one.series.key, one.t) in outcome.keys]
        found = compare_runs(expected, [_unsigned(one) for one in self.found(outcome)])
        return found.lost + found.duplicated + found.different + found.out_of_order

    @cached_property
    def _calm(self) -> list[Prediction]:
        """Predictions of the candles published so far, by services inside this process that nothing happens to."""
        settings = self._live.settings
        roomy = settings.system.model_copy(update={"max_backlog": ROOMY})
        serving = settings.inference.model_copy(update={"bundle": str(self._live.bundle)})
        settings = settings.model_copy(update={"system": roomy, "inference": serving})
        with EmbeddedBroker() as server:
            client, names = connect(server.url), Names()
            admission = Admission(client, names, SystemClock(), AdmissionLimits(ROOMY, 100, 100))
            for place, series in enumerate(self._order):
                count = HISTORY + (self._published + SERIES - 1 - place) // SERIES
                _admit(admission, series, self._candles[series][:count])
            for service in (make_rows, predict):
                service(settings, ServiceContext(client, names), until_idle=True)
            return _whole_log(PredictionLog(client, names, from_start=True))


def _admit(admission: Admission, series: Series, candles: Candles) -> None:
    for start in range(0, len(candles), 200):
        admission.admit(series, candles[start : start + 200], 0, "bench")


def _whole_log(log: PredictionLog) -> list[Prediction]:
    found: list[Prediction] = []
    while published := log.read(0):
        found += [one.prediction for one in published if one.prediction is not None]
    return found


def _unsigned(prediction: Prediction) -> Prediction:
    return replace(prediction, bundle="")
