"""The series that a broker knows: listed, released from their source, dropped."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import redis

from shared.broker import text
from shared.contracts import PARTITIONS, Series
from shared.errors import InputError
from shared.names import Names
from shared.scripts import script

_PAGE = 1_000


@dataclass(frozen=True)
class KnownSeries:
    """What is known of a series."""

    series: Series
    candles: int  # admitted so far
    source: str  # "" after a release
    calendar: str
    newest_t: int  # open time of the newest candle kept, UTC epoch ms; 0 where none is

    @property
    def document(self) -> dict[str, Any]:
        """JSON-able form."""
        facts = asdict(self)
        return {"symbol": self.series.symbol, "timeframe": self.series.timeframe, **facts, "series": self.series.key}


def known_series(client: redis.Redis, names: Names) -> Iterator[KnownSeries]:
    """All of them, partition by partition."""
    for p in range(PARTITIONS):
        found, calendars = client.hgetall(names.series(p)), client.hgetall(names.calendars(p))
        for key, value in sorted(found.items()):
            series = Series.from_key(text(key))
            n, _, source = text(value).partition(" ")
            newest = client.execute_command("XREVRANGE", names.history(p, series.key), "+", "-", "COUNT", 1)
            t = int(text(newest[0][0]).partition("-")[0]) if newest else 0
            yield KnownSeries(series, int(n), source, text(calendars.get(key, b"learned")).partition(" ")[0], t)


def memory_of(client: redis.Redis, names: Names, series: Series) -> int:
    """Bytes that the broker holds of a series: candles, rows and newest predictions, every entry counted."""
    keys = _streams(client, names, series)
    return sum(int(client.execute_command("MEMORY USAGE", key, "SAMPLES", 0) or 0) for key in keys)


def _streams(client: redis.Redis, names: Names, series: Series) -> list[str]:
    """Keys that are the series' alone."""
    pattern = f"{names.namespace}:{{{series.partition}}}:*:{series.key}"
    return [text(name) for name in client.scan_iter(match=pattern, count=_PAGE)]


def release(client: redis.Redis, names: Names, series: Series) -> str:
    """Let whichever source sends next have a series; returns the one that had it.

    Raises
    ------
    InputError
        No source has it.
    """
    source = script("release").run(client, [names.series(series.partition)], [series.key])
    if source is None:
        raise InputError("series", series.key, "has no source", "`natron series list` shows what is known")
    return text(source)


def drop(client: redis.Redis, names: Names, series: Series) -> int:
    """Forget a series: candles, rows, newest predictions, calendar and source. Returns how many keys are gone.

    What the logs hold of it stays until it is trimmed. Its next candle is its first.

    Raises
    ------
    InputError
        It is not known, or entries of it still wait: a stage would wait for its history for ever.
    """
    p, key = series.partition, series.key
    if not client.hget(names.series(p), key):
        raise InputError("series", key, "is not known", "`natron series list` shows what is")
    if _waits(client, names, p):
        mend = "stop its producer, let feature service and worker finish, and try again"
        raise InputError("series", key, "has candles on their way, or its partition", mend)
    streams = _streams(client, names, series)
    pipeline = client.pipeline(transaction=False)
    for name in (names.series(p), names.calendars(p), names.latest(p)):
        pipeline.hdel(name, key)
    for name in streams:
        pipeline.delete(name)
    return sum(int(reply) for reply in pipeline.execute())


def _waits(client: redis.Redis, names: Names, p: int) -> bool:
    """Whether entries of a partition are before the stages that hold its logs, or before stages that never ran."""
    if client.exists(names.candles(p)) and _lags(client, names.candles(p), "features:"):
        return True
    rows = [text(name) for name in client.scan_iter(match=names.features(p, "*"), count=_PAGE)]
    return any(_lags(client, log, "champion") for log in rows)


def _lags(client: redis.Redis, log: str, stage: str) -> bool:
    groups: list[Any] = client.execute_command("XINFO GROUPS", log)
    lags = [group["lag"] for group in map(_named, groups) if text(group["name"]).startswith(stage)]
    return not lags or any(lag != 0 for lag in lags)


def _named(raw: Any) -> dict[str, Any]:
    """One group of XINFO GROUPS, whether the client made a dictionary of it or not."""
    pairs = raw.items() if isinstance(raw, dict) else zip(raw[::2], raw[1::2], strict=True)
    return {text(name): value for name, value in pairs}
