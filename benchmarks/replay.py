"""A year of M15 candles through the whole system at full speed."""

import tempfile
from pathlib import Path

from benchmarks.measurement import Measurement
from natron.demo import DemoRequest, run_demo
from producer.sample import sample_candles, write_candles
from shared.contracts import Series
from shared.settings.loading import load_settings

CANDLES = 25_000


def run() -> list[Measurement]:
    """Measure."""
    settings = load_settings(None, {}, {"system.log_level": "ERROR"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "year.csv")
        write_candles(sample_candles(CANDLES + 1, "M15", 1), path)
        result = run_demo(DemoRequest(path, Series("SAMPLE", "M15"), None, None), settings)
    assert result.sound, result
    return [
        Measurement("replay of 25,000 candles, admission to client", "s", "lower", result.seconds, goal="<= 15 s"),
        Measurement("candles through the system", "1/s", "higher", CANDLES / result.seconds),
    ]
