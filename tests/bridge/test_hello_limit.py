"""The HELLO limit: a burst, then a rate, for each client by itself."""

from bridge.hello_limit import BURST, CLIENTS_MAX, PER_S, HelloLimit
from shared.clock import SimulatedClock


def test_a_burst_passes_then_the_rate_holds():
    clock = SimulatedClock(0)
    limit = HelloLimit(clock)
    assert sum(limit.admits("a") for _ in range(2 * BURST)) == BURST
    clock.sleep(1)
    assert sum(limit.admits("a") for _ in range(2 * BURST)) == PER_S


def test_clients_do_not_share_a_bucket():
    limit = HelloLimit(SimulatedClock(0))
    while limit.admits("a"):
        pass
    assert limit.admits("b")


def test_made_up_ids_do_not_fill_the_memory():
    limit = HelloLimit(SimulatedClock(0))
    for number in range(2 * CLIENTS_MAX):
        limit.admits(str(number))
    assert len(limit._buckets) == CLIENTS_MAX
