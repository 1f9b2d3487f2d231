"""How a system stands: who is alive, what waits, what was put aside; read from the broker in one look."""

from dataclasses import asdict, dataclass
from typing import Any

import redis

from shared.broker import broker_ms, text
from shared.contracts import PARTITIONS
from shared.delivery import halts
from shared.membership import live_members
from shared.names import Names

SERVICES = ("feature_service", "worker", "bridge", "scorer")


@dataclass(frozen=True)
class Standing:
    """One look."""

    at_ms: int  # by the broker's clock
    members: dict[str, list[str]]  # service -> live instances
    series: int
    candles: int  # admitted so far
    rows: int
    predictions: int
    candles_waiting: int
    rows_waiting: int
    dead: int
    rejected: int
    champion: str
    halted: list[str]
    drifting: list[str]
    broker: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)


def look(client: redis.Redis, names: Names, set8: str) -> Standing:
    """Ask the broker."""
    pipeline = client.pipeline(transaction=False)
    for p in range(PARTITIONS):
        for log in (names.candles(p), names.features(p, set8), names.predictions(p)):
            pipeline.xinfo_stream(log)
        pipeline.hgetall(names.position(p))
        pipeline.hlen(names.series(p))
        pipeline.xlen(names.dead(p))
        pipeline.xlen(names.rejects(p))
    replies = pipeline.execute(raise_on_error=False)
    sums = dict.fromkeys(("candles", "rows", "predictions", "candles_waiting", "rows_waiting"), 0)
    counts = {"series": 0, "dead": 0, "rejected": 0}
    for at in range(0, len(replies), 7):
        *logs, positions, series, dead, rejected = replies[at : at + 7]
        added = [int(info["entries-added"]) if isinstance(info, dict) else 0 for info in logs]
        read = {
            text(stage): int(text(value).split(" ")[1])
            for stage, value in positions.items()
            if not stage.startswith(b"hold:")
        }
        for name, count in zip(("candles", "rows", "predictions"), added, strict=True):
            sums[name] += count
        sums["candles_waiting"] += max(0, added[0] - read.get(f"features:{set8}", 0))
        sums["rows_waiting"] += max(0, added[1] - read.get("champion", 0))
        for name, count in zip(counts, (series, dead, rejected), strict=True):
            counts[name] += int(count)
    facts: Any = client.info()
    return Standing(
        at_ms=broker_ms(client),
        members={service: live_members(client, names, service) for service in SERVICES},
        **sums,
        **counts,
        champion=text(client.hget(names.champion, "id") or b"reference"),
        halted=sorted(halts(client, names)),
        drifting=sorted(text(key) for key in client.hkeys(names.drift)),
        broker={
            name: facts.get(name) for name in ("redis_version", "used_memory", "aof_enabled", "aof_last_write_status")
        },
    )
