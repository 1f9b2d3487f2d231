"""Rate limits: a burst, then a rate, for each client by itself."""

from bridge.rate_limit import CLIENTS_MAX, Rate, RateLimit
from shared.clock import SimulatedClock

RATE = Rate(10, 5.0)


def test_a_burst_passes_then_the_rate_holds():
    clock = SimulatedClock(0)
    limit = RateLimit(clock, RATE)
    assert sum(limit.admits("a") for _ in range(20)) == 10
    clock.sleep(1)
    assert sum(limit.admits("a") for _ in range(20)) == 5


def test_what_weighs_more_takes_more():
    limit = RateLimit(SimulatedClock(0), RATE)
    assert limit.admits("a", 8)
    assert not limit.admits("a", 3)
    assert limit.admits("a", 2)


def test_clients_do_not_share_a_bucket():
    limit = RateLimit(SimulatedClock(0), RATE)
    while limit.admits("a"):
        pass
    assert limit.admits("b")


def test_made_up_ids_do_not_fill_the_memory():
    limit = RateLimit(SimulatedClock(0), RATE)
    for number in range(2 * CLIENTS_MAX):
        limit.admits(str(number))
    assert len(limit._buckets) == CLIENTS_MAX
