"""How the system is: stages with their lag and latency, who works, what died, which bundle serves, what is halted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import redis

from feature_service.feature_set import FEATURE_SET
from inference_worker.registry import Registry
from shared.broker import broker_ms, fields_of, primaries, text
from shared.codec import decode_prediction
from shared.contracts import PARTITIONS, Prediction, decode_symbol
from shared.dead_letters import DeadLetter, newest_dead_letters
from shared.delivery import EVERYTHING, halts
from shared.errors import InputError, JunkError
from shared.membership import live_members
from shared.names import Names

LATENCY_SAMPLE = 32
"""Newest predictions a partition whose latencies are looked at."""
DEAD_SHOWN = 50
SERVICES = ("feature_service", "worker", "archive", "scorer")
"""Services whose instances say that they live."""
_LATENCIES = ("row", "queued", "inferred", "total")


@dataclass(frozen=True, slots=True)
class _Logs:
    """Lengths and lags over all partitions."""

    candles: int
    rows: int
    predictions: int
    lag: dict[str, int]  # stage -> entries that wait
    dead: int


class SystemBoard:
    """Reader of the whole."""

    def __init__(self, client: redis.Redis, names: Names) -> None:
        self._client, self._names, self._registry = client, names, Registry(client, names)

    def document(self) -> dict[str, Any]:
        """JSON form.

        Raises
        ------
        redis.RedisError
            The broker is away.
        """
        logs = self._logs()
        return {
            "broker": self._broker(),
            "logs": {"candles": logs.candles, "rows": logs.rows, "predictions": logs.predictions},
            "lag": logs.lag,
            "latency_ms": self._latency_ms(),
            "members": {service: live_members(self._client, self._names, service) for service in SERVICES},
            "dead_letters": {"count": logs.dead, "newest": [_letter(one) for one in self._dead(logs.dead)]},
            "bundles": self._bundles(),
            "halted": self.halted(),
            "drifting": {text(key): text(why) for key, why in self._client.hgetall(self._names.drift).items()},
        }

    def halted(self) -> list[dict[str, Any]]:
        """Halts in force; ``symbol`` None stands for every symbol."""
        return [
            {"symbol": None if name == EVERYTHING else _symbol(name), "since": since}
            for name, since in sorted(halts(self._client, self._names).items())
        ]

    def _broker(self) -> dict[str, Any]:
        """The broker, or all primaries of a cluster together."""
        servers: list[Any] = [one.info() for one in primaries(self._client)]
        return {
            "servers": len(servers),
            "version": str(servers[0]["redis_version"]),
            "up_s": min(int(one["uptime_in_seconds"]) for one in servers),
            "memory_bytes": sum(int(one["used_memory"]) for one in servers),
            "memory_peak_bytes": sum(int(one["used_memory_peak"]) for one in servers),
            "time": broker_ms(self._client),
        }

    def _logs(self) -> _Logs:
        names, set8 = self._names, FEATURE_SET.hash[:8]
        pipeline = self._client.pipeline(transaction=False)
        for p in range(PARTITIONS):
            for log in (names.candles(p), names.features(p, set8), names.predictions(p)):
                pipeline.xinfo_stream(log)
            for log in (names.candles(p), names.features(p, set8)):
                pipeline.xinfo_groups(log)
            pipeline.xlen(names.dead(p))
        replies = pipeline.execute(raise_on_error=False)
        added, dead, lag = [0, 0, 0], 0, {"features": 0, "champion": 0}
        for start in range(0, len(replies), 6):
            *logs, candle_groups, row_groups, letters = replies[start : start + 6]
            for at, info in enumerate(logs):
                added[at] += int(info["entries-added"]) if isinstance(info, dict) else 0  # no such log yet
            lag["features"] += _lag(candle_groups, logs[0], f"features:{set8}")
            lag["champion"] += _lag(row_groups, logs[1], "champion")
            dead += letters if isinstance(letters, int) else 0
        return _Logs(added[0], added[1], added[2], lag, dead)

    def _latency_ms(self) -> dict[str, dict[str, float]]:
        """Stage -> p50 and p99 over the newest predictions; {} before the first."""
        pipeline = self._client.pipeline(transaction=False)
        for p in range(PARTITIONS):
            pipeline.execute_command("XREVRANGE", self._names.predictions(p), "+", "-", "COUNT", LATENCY_SAMPLE)
        stamps = [
            (one.row_us - one.admitted_us, one.queued_us - one.row_us, one.inferred_us - one.queued_us,
             one.inferred_us - one.admitted_us)
            for entries in pipeline.execute()
            for entry in entries
            if (one := _prediction(entry)) is not None
        ]  # fmt: skip
        if not stamps:
            return {}
        p50, p99 = np.percentile(np.array(stamps, np.float64) / 1_000, [50, 99], axis=0)
        return {
            name: {"p50": round(float(p50[at]), 3), "p99": round(float(p99[at]), 3)}
            for at, name in enumerate(_LATENCIES)
        }

    def _dead(self, count: int) -> list[DeadLetter]:
        return newest_dead_letters(self._client, self._names, DEAD_SHOWN) if count else []

    def _bundles(self) -> dict[str, Any]:
        line = self._registry.line()
        return {
            "champion": line.champion.bundle or None,
            "promote": line.champion.number,
            "since": int(text(self._client.hget(self._names.champion, "since_ms") or "0")) or None,
            "past": [{"bundle": one.bundle or None, "promote": one.number} for one in line.past],
            "pushed": self._registry.ids,
            "workers": {name: one.document for name, one in self._registry.workers().items()},
        }


def _lag(groups: Any, info: Any, stage: str) -> int:
    """Entries of a log that a stage has not read; all of them before it ever read any."""
    if not isinstance(info, dict):
        return 0
    for group in groups if isinstance(groups, list) else []:
        if group["name"].decode(errors="replace") == stage:
            return int(group["lag"] if group["lag"] is not None else info["length"])
    return int(info["entries-added"])


def _prediction(entry: list[Any]) -> Prediction | None:
    try:
        return decode_prediction(fields_of(entry).get(b"m", b""))
    except JunkError:
        return None


def _letter(letter: DeadLetter) -> dict[str, Any]:
    """Without the payload: `natron dead list` shows it."""
    document = letter.document
    del document["payload"]
    return document | {"time": int(letter.id.partition("-")[0])}


def _symbol(encoded: str) -> str:
    try:
        return decode_symbol(encoded)
    except InputError:
        return encoded
