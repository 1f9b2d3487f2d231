"""Ways in which a server answers and takes nothing: full, a replica, without replicas of its own."""

from typing import Any

import redis

from natron.chaos.record import Record
from shared.errors import BrokerError

NOTICED_TIMEOUT_S = 20.0

_REFUSALS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "oom": ("OOM", ("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "readonly": ("READONLY", ("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    "noreplicas": (
        "NOREPLICAS",
        ("CONFIG", "SET", "min-replicas-to-write", "2"),
        ("CONFIG", "SET", "min-replicas-to-write", "0"),
    ),
}
"""Kind -> the error that writes meet, what begins it and what ends it. (A master that is nowhere sends no data; no
server of chaos has two replicas.)"""
REFUSALS = tuple(_REFUSALS)


class Refusal:
    """One server that refuses writes, from now until ``end``; one that nobody felt is an error."""

    def __init__(self, kind: str, client: redis.Redis, until_s: float) -> None:
        self._kind, self._client, self._until_s = kind, client, until_s
        self._error, begin, self._end = _REFUSALS[kind]
        client.execute_command(*begin)
        self._before = self._count()

    def step(self, now_s: float, record: Record) -> bool:
        """End it when it has lasted long enough and somebody was refused; True when it is over.

        Raises
        ------
        BrokerError
            Nobody wrote anything.
        """
        refused = self._count() - self._before
        if not refused and now_s > self._until_s + NOTICED_TIMEOUT_S:
            raise BrokerError(f"chaos: {self._kind}: no service wrote anything for {NOTICED_TIMEOUT_S:.0f} s")
        if not refused or now_s < self._until_s:
            return False
        self._client.execute_command(*self._end)
        record.broker[self._kind] += 1
        record.refused[self._error] += refused
        return True

    def _count(self) -> int:
        stats: Any = self._client.info("errorstats")
        return int(stats.get(f"errorstat_{self._error}", {"count": 0})["count"])
