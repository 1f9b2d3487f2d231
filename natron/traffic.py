"""How much went through each log, read from the broker's own counters."""

from dataclasses import dataclass

import redis

from shared.contracts import PARTITIONS, WINDOW
from shared.names import Names


@dataclass(frozen=True)
class Traffic:
    """Entries ever appended, over all partitions."""

    admitted: int
    rows: int
    published: int
    due: int  # predictions that the admitted candles must have: each series' from its 96th on


def read_traffic(client: redis.Redis, names: Names, set8: str) -> Traffic:
    """Ask the broker."""
    pipeline = client.pipeline(transaction=False)
    for p in range(PARTITIONS):
        for log in (names.candles(p), names.features(p, set8), names.predictions(p)):
            pipeline.xinfo_stream(log)
        pipeline.hvals(names.series(p))
    replies = pipeline.execute(raise_on_error=False)
    added = {"candles": 0, "features": 0, "predictions": 0}
    due = 0
    for p in range(PARTITIONS):
        *logs, series = replies[4 * p : 4 * p + 4]
        for log, info in zip(added, logs, strict=True):
            if isinstance(info, dict):  # an error where the log does not exist yet
                added[log] += int(info["entries-added"])
        due += sum(max(0, int(value.split(b" ")[0]) - WINDOW + 1) for value in series)
    return Traffic(added["candles"], added["features"], added["predictions"], due)
