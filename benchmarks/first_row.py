"""The first candle after a warm start: a feature service as a process, its kernels compiled and kept on disk."""

import subprocess
import sys
import tempfile
import time

from benchmarks.measurement import Measurement
from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import warm
from shared.admission import Admission, AdmissionLimits
from shared.clock import SystemClock
from shared.contracts import Series
from shared.testing import broker_under_test, walk_candles

TIMES = 3
POLL_S = 0.002


def run() -> list[Measurement]:
    """Measure the best of a few starts, each with a candle of a new series that waits."""
    warm()
    seconds = min(_first_row_s() for _ in range(TIMES))
    return [Measurement("process started to its first row", "s", "lower", seconds, goal="<= 2 s")]


def _first_row_s() -> float:
    with broker_under_test() as broker, tempfile.TemporaryFile() as log:
        series = Series("FIRST", "M15")
        admission = Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(16_384, 100, 100))
        admission.admit(series, walk_candles(1), 0, "bench")
        features = broker.names.features(series.partition, FEATURE_SET.hash[:8])
        command = [sys.executable, "-m", "natron", "feature-service", "--broker", broker.url]
        started = time.perf_counter()
        service = subprocess.Popen(command, stdout=log, stderr=log)
        while not broker.client.exists(features):
            assert service.poll() is None, "the feature service ended"
            time.sleep(POLL_S)
        seconds = time.perf_counter() - started
        service.terminate()
        service.wait()
    return seconds
