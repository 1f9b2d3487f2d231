"""How much a client may send: a bucket of tokens for each client id."""

from collections import OrderedDict
from dataclasses import dataclass

from shared.clock import Clock

CLIENTS_MAX = 1_024


@dataclass(frozen=True)
class Rate:
    """So much at once, and so much a second on average."""

    burst: float
    per_s: float


HELLOS = Rate(100, 50.0)
"""A client of many symbols that was cut off for a while asks once for each; it is through within seconds."""
LINES = Rate(2_048, 200.0)
"""Other lines: after an absence an EA repeats 256 acks at once, and one client may have several charts."""
CANDLES = Rate(200_000, 5_000.0)
"""Histories of sixty charts at once."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_s: float


class RateLimit:
    """Token buckets of the clients seen last; ids beyond ``CLIENTS_MAX`` push the one idle longest out."""

    def __init__(self, clock: Clock, rate: Rate) -> None:
        self._clock, self._rate = clock, rate
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admits(self, client: str, tokens: float = 1) -> bool:
        """Take tokens of this client's, if it has as many."""
        now_s = self._clock.monotonic_s()
        bucket = self._buckets.setdefault(client, _Bucket(self._rate.burst, now_s))
        self._buckets.move_to_end(client)
        if len(self._buckets) > CLIENTS_MAX:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._rate.burst, bucket.tokens + self._rate.per_s * (now_s - bucket.filled_s))
        bucket.filled_s = now_s
        if bucket.tokens < tokens:
            return False
        bucket.tokens -= tokens
        return True
