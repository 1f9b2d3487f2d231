"""The feature service alone: candles that wait in the broker, until the last has its row."""

import logging
import time

import structlog

from benchmarks.measurement import Measurement
from feature_service.pipeline import warm
from feature_service.service import run as serve
from shared.admission import Admission, AdmissionLimits
from shared.clock import SystemClock
from shared.contracts import Series
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import broker_under_test, walk_candles

SERIES, CANDLES, BATCH = 200, 500, 50


def run() -> list[Measurement]:
    """Measure. No champion is needed: the rows fit into the features log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    warm()
    with broker_under_test() as broker:
        limits = AdmissionLimits(Settings().system.max_backlog, 100, 100)
        admission = Admission(broker.client, broker.names, SystemClock(), limits)
        histories = [walk_candles(CANDLES, seed=at) for at in range(SERIES)]
        started = time.perf_counter()
        for start in range(0, CANDLES, BATCH):
            for at, candles in enumerate(histories):
                admission.admit(Series(f"S{at}", "M15"), candles[start : start + BATCH], 0, "csv")
        admitted = time.perf_counter()
        serve(Settings(), ServiceContext(broker.client, broker.names), until_idle=True)
        ended = time.perf_counter()
    total = SERIES * CANDLES
    return [
        Measurement("candles admitted, 50 a call", "1/s", "higher", total / (admitted - started)),
        Measurement(
            "candles through the feature service", "1/s", "higher", total / (ended - admitted), goal=">= 20,000"
        ),
    ]
