"""How many HELLOs a client may send: a bucket of tokens for each client id."""

from collections import OrderedDict
from dataclasses import dataclass

from shared.clock import Clock

BURST = 100
PER_S = 50.0
"""A client of many symbols that was cut off for a while asks once for each; it is through within seconds."""
CLIENTS_MAX = 1_024


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_s: float


class HelloLimit:
    """Token buckets of the clients seen last; ids beyond ``CLIENTS_MAX`` push the one idle longest out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admits(self, client: str) -> bool:
        """Take a token of this client's, if it has one."""
        now_s = self._clock.monotonic_s()
        bucket = self._buckets.setdefault(client, _Bucket(BURST, now_s))
        self._buckets.move_to_end(client)
        if len(self._buckets) > CLIENTS_MAX:
            self._buckets.popitem(last=False)
        bucket.tokens = min(BURST, bucket.tokens + PER_S * (now_s - bucket.filled_s))
        bucket.filled_s = now_s
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
