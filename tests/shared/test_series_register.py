"""Series are listed, released and dropped; a dropped one begins anew and gives the same rows."""

import numpy as np
import pytest
import redis

from feature_service.service import run as run_features
from inference_worker.service import run as run_worker
from shared.admission import Admission, AdmissionLimits, Verdict
from shared.clock import SystemClock
from shared.contracts import Series
from shared.errors import InputError
from shared.series_register import drop, known_series, release
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("EUR|USD", "M15")
LIMITS = AdmissionLimits(16_384, 1_000, 1_000)


@pytest.fixture
def door(broker: BrokerUnderTest) -> Admission:
    return Admission(broker.client, broker.names, SystemClock(), LIMITS)


def test_a_list_tells_count_source_calendar_and_newest(broker: BrokerUnderTest, door: Admission) -> None:
    candles = walk_candles(5)
    door.admit(SERIES, candles, 0, "ea:one")
    (found,) = known_series(broker.client, broker.names)
    assert (found.series, found.candles, found.source, found.calendar) == (SERIES, 5, "ea:one", "learned")
    assert found.newest_t == candles["t"][-1]
    assert found.document["symbol"] == "EUR|USD"


def test_a_released_series_is_the_next_source_s_and_keeps_its_count(broker: BrokerUnderTest, door: Admission) -> None:
    candles = walk_candles(6)
    door.admit(SERIES, candles[:3], 0, "ea:one")
    assert door.admit(SERIES, candles[3:4], 0, "ea:two") == [Verdict.FOREIGN_SOURCE]
    assert release(broker.client, broker.names, SERIES) == "ea:one"
    assert door.admit(SERIES, candles[3:4], 0, "ea:two") == [Verdict.ADMITTED]
    assert door.admit(SERIES, candles[4:5], 0, "ea:one") == [Verdict.FOREIGN_SOURCE]
    (found,) = known_series(broker.client, broker.names)
    assert (found.candles, found.source) == (4, "ea:two")


@pytest.mark.parametrize("act", [release, drop])
def test_what_is_not_known_is_refused(broker: BrokerUnderTest, act: object) -> None:
    with pytest.raises(InputError, match="natron series list"):
        act(broker.client, broker.names, SERIES)  # type: ignore[operator]


def compute(broker: BrokerUnderTest) -> None:
    for run in (run_features, run_worker):
        run(Settings(), ServiceContext(broker.client, broker.names), until_idle=True)


def window(client: redis.Redis, broker: BrokerUnderTest) -> dict[bytes, bytes]:
    (key,) = client.scan_iter(match="natron:*:window:*", count=1_000)
    return {entry[0]: entry[1][1][:-16] for entry in client.execute_command("XRANGE", key, "-", "+")}


def test_a_dropped_series_leaves_nothing_and_begins_anew(broker: BrokerUnderTest, door: Admission) -> None:
    candles = walk_candles(30)
    door.admit(SERIES, candles, 0, "csv")
    with pytest.raises(InputError, match="on their way"):
        drop(broker.client, broker.names, SERIES)
    compute(broker)
    before = window(broker.client, broker)
    drop(broker.client, broker.names, SERIES)
    left = [key for key in broker.client.scan_iter(match="*", count=1_000) if SERIES.key.encode() in key]
    assert (left, list(known_series(broker.client, broker.names))) == ([], [])
    door.admit(SERIES, candles, 0, "csv")
    compute(broker)
    after = window(broker.client, broker)
    assert list(after) == list(before)
    assert len(after) == 30
    rows = [np.frombuffer(one[-98 * 4 :], "<f4") for one in (before[list(before)[-1]], after[list(after)[-1]])]
    assert np.array_equal(rows[0], rows[1], equal_nan=True)
