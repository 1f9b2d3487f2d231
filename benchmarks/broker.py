"""The gate alone, with the broker writing every command to disk, beside plain appends."""

import tempfile
import time
from pathlib import Path
from typing import Any, cast

from benchmarks.measurement import Measurement
from shared.broker import connect
from shared.contracts import Series
from shared.embedded_broker import EmbeddedBroker
from shared.gate import Crossing, Gate, GateLimits, Passage
from shared.names import Names
from shared.stage import Entry, Kept, Output, Stage, StageKeys

A_CALL, CALLS, PARTITIONS_USED = 64, 64, 32
BYTES = 160  # the size of a prediction


def run() -> list[Measurement]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder, "broker")) as server:
        client, names = connect(server.url), Names()
        plain = _plain_per_s(server.url)
        stage = _Predictions(names)
        series = _one_series_a_partition()
        for p in series:  # what the gate finishes was appended before
            pipeline = client.pipeline(transaction=False)
            for n in range(1, A_CALL * CALLS + 1):
                pipeline.execute_command("XADD", stage.input_log(p), f"{n}-0", "m", b"")
            pipeline.execute()
        gate = Gate(client, names, cast("Stage[Any]", stage), "bench", GateLimits(100_000))
        seconds = 0.0
        for at in range(CALLS):
            seconds += _call(gate, series, at)
    moved = A_CALL * CALLS * PARTITIONS_USED
    return [
        Measurement(
            f"messages through the gate, {A_CALL} a call", "1/s", "higher", moved / seconds,
            f"XADD alone, {A_CALL} a pipeline", plain, ">= 50,000",
        )
    ]  # fmt: skip


class _Predictions:
    """A stage of which only the names matter."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.keys = StageKeys(
            "champion", "worker", writes_latest=True, input_keep=2_048, output_keep=10_000, side_keep=500
        )

    def input_log(self, p: int) -> str:
        return self._names.features(p, "00000000")

    def output_log(self, p: int) -> str:
        return self._names.predictions(p)

    def side(self, series: Series) -> str:
        return self._names.recent(series.partition, series.key)

    def source(self, series: Series) -> str:
        return self._names.window(series.partition, "00000000", series.key)


def _one_series_a_partition() -> dict[int, Series]:
    found: dict[int, Series] = {}
    at = 0
    while len(found) < PARTITIONS_USED:
        series = Series(f"S{at}", "M15")
        found.setdefault(series.partition, series)
        at += 1
    return found


def _message(t: int) -> bytes:
    """What the gate takes for sound: the candle's time stands after the schema byte."""
    return bytes(1) + t.to_bytes(8, "little") + bytes(BYTES - 9)


def _call(gate: Gate, series: dict[int, Series], at: int) -> float:
    """Seconds for one call a partition; what it moves is made beforehand."""
    first = at * A_CALL + 1
    numbers = range(first, first + A_CALL)
    crossings = []
    for p, one in series.items():
        begin = f"{first - 1}-0" if at else "0-0"
        entries = [Entry(p, f"{n}-0", {}) for n in numbers]
        crossings.append(Crossing(p, begin, entries, [Output(one, Kept(n, _message(n), n)) for n in numbers]))
    started = time.perf_counter()
    passages = [gate.pass_through([crossing])[0].passage for crossing in crossings]
    seconds = time.perf_counter() - started
    assert all(passage is Passage.DONE for passage in passages), passages
    return seconds


def _plain_per_s(url: str) -> float:
    client = connect(url)
    started = time.perf_counter()
    for _ in range(CALLS * 4):
        pipeline = client.pipeline(transaction=False)
        for _ in range(A_CALL):
            pipeline.execute_command("XADD", "plain", "MAXLEN", "~", 10_000, "*", "m", bytes(BYTES))
        pipeline.execute()
    return 4 * CALLS * A_CALL / (time.perf_counter() - started)
