"""Who is alive, and which partitions are whose. Warm caches depend on it; correctness never does."""

from collections.abc import Iterable
from hashlib import blake2b

import redis

from shared.broker import broker_ms, text
from shared.clock import Clock
from shared.names import Names
from shared.scripts import script

TIME_TO_LIVE_MS = 3_000
RENEWAL_S = 1.0


def share_out(members: Iterable[str], partitions: int) -> dict[str, list[int]]:
    """Share partitions by rendezvous hashing, each member at most ceil(partitions / members).

    Every member computes the same from the same list; one joining or leaving moves few partitions.
    """
    names = sorted(set(members))
    shares: dict[str, list[int]] = {name: [] for name in names}
    if not names:
        return shares
    most = -(-partitions // len(names))
    for p in range(partitions):
        ranked = sorted(names, key=lambda name: blake2b(f"{p}/{name}".encode(), digest_size=8).digest())
        shares[next(name for name in ranked if len(shares[name]) < most)].append(p)
    return shares


def live_members(client: redis.Redis, names: Names, service: str) -> list[str]:
    """Instances of a service that renewed in time, sorted."""
    key = names.members(service)
    live: list[bytes] = client.execute_command("ZRANGEBYSCORE", key, broker_ms(client, key), "+inf")
    return sorted(text(member) for member in live)


class Membership:
    """One instance's place among the live instances of its service."""

    def __init__(self, client: redis.Redis, names: Names, service: str, instance: str, clock: Clock) -> None:
        self._client, self._key, self._clock = client, names.members(service), clock
        self.departures = names.departures(service)
        self.instance = instance
        self._due_s = 0.0

    def due(self) -> bool:
        """Whether it is time to renew."""
        return self.due_in_s() <= 0

    def due_in_s(self) -> float:
        """Seconds until it is time to renew; 0 or less: it is."""
        return self._due_s - self._clock.monotonic_s()

    def renew(self) -> list[str]:
        """Renew, and return the live instances, sorted.

        The next renewal is due in a second, or as soon as another instance's time runs out if it does not renew: what
        it held must not wait for both, one after the other.
        """
        first_ms, live = script("renew").run(self._client, [self._key], [self.instance, TIME_TO_LIVE_MS])
        wait_s = RENEWAL_S if first_ms < 0 else min(RENEWAL_S, (first_ms + 1) / 1_000)
        self._due_s = self._clock.monotonic_s() + wait_s
        return sorted(text(member) for member in live)

    def expire(self) -> None:
        """Make the next turn renew: the connection was lost, and the list with it."""
        self._due_s = 0.0

    def leave(self) -> None:
        """Leave at once, and wake the others: they wait neither for the expiry nor for their next renewal."""
        pipeline = self._client.pipeline(transaction=False)  # two keys, in a cluster on two nodes
        pipeline.zrem(self._key, self.instance)
        pipeline.xadd(self.departures, {"instance": self.instance}, maxlen=1, approximate=False)
        pipeline.execute()
        self._due_s = 0.0
