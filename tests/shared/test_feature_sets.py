"""A worker whose bundle reads other features than anybody computes says so, naming both, and is not ready."""

import pytest
import structlog

from shared.clock import SimulatedClock
from shared.feature_sets import CONDITION, FeatureSetAnnouncement, FeatureSetWatch
from shared.readiness import Readiness
from shared.testing import BrokerUnderTest

OURS, THEIRS = "ab" * 32, "cd" * 32


@pytest.fixture
def readiness() -> Readiness:
    return Readiness(CONDITION)


@pytest.fixture
def watch(broker: BrokerUnderTest, readiness: Readiness) -> FeatureSetWatch:
    return FeatureSetWatch(broker.client, broker.names, OURS, "reference", readiness)


def announce(broker: BrokerUnderTest, feature_set: str) -> None:
    FeatureSetAnnouncement(broker.client, broker.names, feature_set, SimulatedClock(0)).renew()


def test_a_foreign_set_alone_is_told_with_both_hashes(
    broker: BrokerUnderTest, watch: FeatureSetWatch, readiness: Readiness
) -> None:
    announce(broker, THEIRS)
    with structlog.testing.capture_logs() as logged:
        watch.look()
    why = readiness.reasons[CONDITION]
    assert OURS in why
    assert THEIRS in why
    assert "reference" in why
    assert [(event["event"], event["log_level"]) for event in logged] == [("feature_set_mismatch", "error")]


def test_the_own_set_is_enough_beside_others_and_mends_it(
    broker: BrokerUnderTest, watch: FeatureSetWatch, readiness: Readiness
) -> None:
    announce(broker, THEIRS)
    watch.look()
    announce(broker, OURS)
    watch.look()
    assert readiness.ready


def test_where_nobody_computes_anything_there_is_nothing_to_complain_of(
    watch: FeatureSetWatch, readiness: Readiness
) -> None:
    watch.look()
    assert readiness.ready
