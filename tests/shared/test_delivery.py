"""Reasons of a delivery: what stands in the broker decides, for every process and after every restart."""

from dataclasses import replace

import pytest

from shared.broker import LOST, connect
from shared.clock import SimulatedClock
from shared.contracts import Prediction, Reason, Series
from shared.delivery import REFRESH_S, DeliveryReasons, halt, halts, note_expiry, resume
from shared.testing import BrokerUnderTest

NOW_MS = 1_700_000_000_000
PREDICTION = Prediction(
    Series("EUR|USD", "M15"), NOW_MS - 900_000, 100, 0.5, 0.5, (0.2, 0.3, 0.5), (1.0, 0, 0, 0, 0, 0), (), (), 0,
    "b1", "ab" * 32, 0, 0, 0, 0,
)  # fmt: skip


def deliverer(broker: BrokerUnderTest, clock: SimulatedClock | None = None) -> DeliveryReasons:
    reasons = DeliveryReasons(broker.names, clock or SimulatedClock(NOW_MS))
    reasons.refresh(broker.client)
    return reasons


def test_stale_is_what_leaves_after_valid_until_and_was_not_replayed(broker: BrokerUnderTest) -> None:
    reasons, until = deliverer(broker), PREDICTION.valid_until_ms
    assert reasons.of(PREDICTION, until) == Reason(0)
    assert reasons.of(PREDICTION, until + 1) == Reason.STALE
    assert reasons.of(replace(PREDICTION, reasons=int(Reason.REPLAY)), until + 1) == Reason(0)
    assert reasons.standing(PREDICTION, until + 1) == Reason(0)


def test_expired_begins_at_the_bundles_date(broker: BrokerUnderTest) -> None:
    note_expiry(broker.client, broker.names, "b1", NOW_MS)
    reasons = deliverer(broker)
    assert reasons.of(PREDICTION, NOW_MS - 1) == Reason(0)
    assert reasons.of(PREDICTION, NOW_MS) == Reason.EXPIRED
    assert reasons.of(replace(PREDICTION, bundle="b2"), NOW_MS) == Reason(0)
    note_expiry(broker.client, broker.names, "b1", None)
    assert deliverer(broker).of(PREDICTION, NOW_MS) == Reason(0)


def test_drift_is_of_one_series(broker: BrokerUnderTest) -> None:
    broker.client.hset(broker.names.drift, PREDICTION.series.key, "psi 0.4")
    reasons = deliverer(broker)
    assert reasons.of(PREDICTION, NOW_MS) == Reason.DRIFT
    assert reasons.of(replace(PREDICTION, series=Series("EUR|USD", "M5")), NOW_MS - 900_000) == Reason(0)


@pytest.mark.parametrize(("halted", "others"), [("EUR|USD", Reason(0)), (None, Reason.HALTED)])
def test_halted_is_one_symbol_or_all_until_it_is_lifted(
    broker: BrokerUnderTest, halted: str | None, others: Reason
) -> None:
    halt(broker.client, broker.names, halted, NOW_MS)
    reasons = deliverer(broker)
    assert reasons.of(PREDICTION, NOW_MS) == Reason.HALTED
    assert reasons.of(replace(PREDICTION, series=Series("EUR", "M15")), NOW_MS) == others
    assert list(halts(broker.client, broker.names).values()) == [NOW_MS]
    assert resume(broker.client, broker.names, "GBPUSD") == []
    assert len(resume(broker.client, broker.names, halted)) == 1
    assert deliverer(broker).of(PREDICTION, NOW_MS) == Reason(0)


def test_a_deliverer_that_has_not_looked_yet_counts_everything_as_halted(broker: BrokerUnderTest) -> None:
    reasons = DeliveryReasons(broker.names, SimulatedClock(NOW_MS))
    assert reasons.of(PREDICTION, NOW_MS) == Reason.HALTED


def test_a_halt_is_in_force_at_the_next_look_and_a_lost_broker_changes_nothing(broker: BrokerUnderTest) -> None:
    clock = SimulatedClock(NOW_MS)
    reasons = deliverer(broker, clock)
    halt(broker.client, broker.names, None, NOW_MS)
    reasons.refresh(broker.client)
    assert reasons.of(PREDICTION, NOW_MS) == Reason(0)
    clock.sleep(REFRESH_S)
    reasons.refresh(broker.client)
    assert reasons.of(PREDICTION, NOW_MS) == Reason.HALTED
    clock.sleep(REFRESH_S)
    with pytest.raises(LOST):
        reasons.refresh(connect("unix:///nowhere/at/all.sock"))
    assert reasons.of(PREDICTION, NOW_MS) == Reason.HALTED
