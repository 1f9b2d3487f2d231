"""A day of 100 series at M1 with every store full before: memory of every process at the end beside a fifth of it."""

from benchmarks.live_system import LiveSystem, live_system
from benchmarks.measurement import Measurement
from benchmarks.resident import resident_mb
from producer.sample import sample_candles
from shared.broker import connect
from shared.contracts import WINDOW, Candles, Series

SERIES, HISTORY, DAY = 100, 700, 1_440
KEEP = 500
"""Of every log: 500 entries a partition are there before the day begins."""
STEP = 10  # candles of each series in one round; divides history and a fifth of the day


def run() -> list[Measurement]:
    """Measure."""
    candles = sample_candles(HISTORY + DAY, "M1", 1)
    series = [Series(f"S{at}", "M1") for at in range(SERIES)]
    flags = {f"system.{name}_keep": str(KEEP) for name in ("log", "predictions", "reject")}
    with live_system("base", flags=flags) as live, connect(live.system.broker.url) as client:
        _replay(live, series, candles, range(HISTORY))
        _replay(live, series, candles, range(HISTORY, HISTORY + DAY // 5))
        fifth = resident_mb(live.system, client)
        _replay(live, series, candles, range(HISTORY + DAY // 5, HISTORY + DAY))
        end = resident_mb(live.system, client)
    return [
        Measurement(
            f"a day of {SERIES} series: memory of {name}, end / fifth",
            "ratio",
            "lower",
            end[name] / size,
            goal="<= 1.1",
        )
        for name, size in fifth.items()
    ]


def _replay(live: LiveSystem, series: list[Series], candles: Candles, span: range) -> None:
    """Publish these candles of every series, and wait for the signals of each round."""
    for start in range(span.start, span.stop, STEP):
        stop = min(start + STEP, span.stop)
        live.publish([(one, candles[start:stop]) for one in series])
        due = max(0, stop - max(start, WINDOW - 1))
        if due:
            live.await_signals(due * len(series))
