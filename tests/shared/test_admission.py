"""Admission: each candle once, whoever sends it and how often."""

from dataclasses import replace

import numpy as np
import pytest

from shared.admission import Admission, AdmissionLimits, Verdict
from shared.clock import SimulatedClock
from shared.contracts import Candles, Series
from shared.dead_letters import dead_letters
from shared.errors import BusyError, TailLostError
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("EURUSD.r", "M15")
LIMITS = AdmissionLimits(max_backlog=10_000, reject_keep=100, dead_keep=100)


def admission(broker: BrokerUnderTest, limits: AdmissionLimits = LIMITS, now_ms: int = 2_000_000_000_000) -> Admission:
    return Admission(broker.client, broker.names, SimulatedClock(now_ms), limits)


def admit(door: Admission, candles: Candles, source: str = "csv") -> list[Verdict]:
    return door.admit(SERIES, candles, 0, source)


def logged(broker: BrokerUnderTest) -> list[int]:
    entries = broker.client.execute_command("XRANGE", broker.names.candles(SERIES.partition), "-", "+")
    return [int.from_bytes(entry[1][1][2:10], "little") for entry in entries]


def test_candles_are_admitted_in_order_and_numbered(broker: BrokerUnderTest) -> None:
    candles = walk_candles(5)
    assert admit(admission(broker), candles) == [Verdict.ADMITTED] * 5
    assert logged(broker) == candles["t"].tolist()
    assert broker.client.hget(broker.names.series(SERIES.partition), SERIES.key) == b"5 csv"
    assert admission(broker).newest(SERIES) == candles["t"][-1]


def test_a_second_producer_of_the_same_source_changes_nothing(broker: BrokerUnderTest) -> None:
    candles = walk_candles(5)
    admit(admission(broker), candles)
    assert admit(admission(broker), candles) == [Verdict.DUPLICATE] * 5
    assert len(logged(broker)) == 5


def test_nothing_to_admit_waits_for_no_replica(broker: BrokerUnderTest) -> None:
    """A bridge that waited for replicas asked for none of them without end, and never told who its clients were."""
    assert admission(broker, replace(LIMITS, replicas=1)).admit_each([]) == []


def test_a_series_that_ends_before_what_the_producer_sent_takes_nothing_after_it(broker: BrokerUnderTest) -> None:
    """A broker that lost its tail took the next batch, and the series had a hole for ever."""
    candles = walk_candles(9)
    door = admission(broker)
    admit(door, candles[:3])
    with pytest.raises(TailLostError, match=SERIES.key):
        door.admit(SERIES, candles[5:], 0, "csv", after=int(candles["t"][4]))
    assert logged(broker) == candles["t"][:3].tolist()
    assert door.admit(SERIES, candles[3:], 0, "csv", after=int(candles["t"][2])) == [Verdict.ADMITTED] * 6


def test_revised_late_and_old_candles_are_told_apart(broker: BrokerUnderTest) -> None:
    candles = walk_candles(6)
    admit(admission(broker), np.delete(candles, [0, 3]))
    changed = candles[2:3].copy()
    changed["c"] *= 1 + 1e-6
    changed["h"] = np.maximum(changed["h"], changed["c"])
    assert admit(admission(broker), changed) == [Verdict.REVISION]
    assert admit(admission(broker), candles[3:4]) == [Verdict.LATE]
    assert admit(admission(broker), candles[:1]) == [Verdict.OLD]
    assert broker.client.xlen(broker.names.rejects(SERIES.partition)) == 2
    assert len(logged(broker)) == 4


def test_a_candle_that_closes_too_far_ahead_is_refused(broker: BrokerUnderTest) -> None:
    candles = walk_candles(3)
    door = admission(broker, now_ms=int(candles["t"][1]))
    assert admit(door, candles) == [Verdict.ADMITTED, Verdict.ADMITTED, Verdict.FUTURE]


def test_the_first_live_source_takes_a_csv_series_over_and_others_are_refused(
    broker: BrokerUnderTest,
) -> None:
    candles = walk_candles(6)
    door = admission(broker)
    admit(door, candles[:2])
    assert admit(door, candles[2:3], "ea:server") == [Verdict.ADMITTED]
    assert admit(door, candles[3:4]) == [Verdict.FOREIGN_SOURCE]
    assert admit(door, candles[3:4], "exchange:x") == [Verdict.FOREIGN_SOURCE]
    assert admit(door, candles[3:4], "ea:server") == [Verdict.ADMITTED]


def test_a_full_backlog_answers_busy_and_admits_nothing(broker: BrokerUnderTest) -> None:
    door = admission(broker, AdmissionLimits(max_backlog=4, reject_keep=10, dead_keep=10))
    candles = walk_candles(6)
    admit(door, candles[:3])
    with pytest.raises(BusyError):
        admit(door, candles[3:])
    assert len(logged(broker)) == 3


def test_junk_in_a_history_is_buried_and_blocks_no_candle(broker: BrokerUnderTest) -> None:
    candles = walk_candles(4)
    door = admission(broker)
    admit(door, candles[:2])
    history = broker.names.history(SERIES.partition, SERIES.key)
    broker.client.xadd(history, {"junk": "1"})
    broker.client.xadd(history, {"m": b"also junk"})
    assert door.newest(SERIES) == candles["t"][1]
    assert admit(door, candles[2:]) == [Verdict.ADMITTED] * 2
    letters = list(dead_letters(broker.client, broker.names))
    assert [letter.reason for letter in letters] == ["junk", "junk"]
    assert letters[0].document["payload"] == ["junk", "1"]


def test_a_broker_that_lost_its_newest_candles_is_refilled_with_the_same_numbers(
    broker: BrokerUnderTest,
) -> None:
    candles = walk_candles(4)
    door = admission(broker)
    admit(door, candles)
    history = broker.names.history(SERIES.partition, SERIES.key)
    for t in candles["t"][2:]:
        broker.client.xdel(history, f"{t}-0")
    assert admit(door, candles[2:]) == [Verdict.ADMITTED] * 2
    assert broker.client.hget(broker.names.series(SERIES.partition), SERIES.key) == b"4 csv"
