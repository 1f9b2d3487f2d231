"""The bridge's own user of the broker may do all that a bridge does."""

import pytest

from shared.ack_log import AckLog
from shared.contracts import Series
from shared.membership import live_members
from shared.names import Names
from shared.testing import guarded_broker, walk_candles


@pytest.fixture
def guarded(tmp_path):
    with guarded_broker(tmp_path / "secrets") as broker:
        yield broker


def test_candles_and_acks_go_in_as_the_bridges_user(guarded, start_bridge, advisor, eventually):
    bridge, names = start_bridge(url=guarded.url("bridge")), Names()
    ea = advisor(bridge)
    candles = walk_candles(5)
    assert ea.push(Series("EURUSD", "M15"), candles[[0, 1, 3]]).admitted == 3
    assert ea.push(Series("EURUSD", "M15"), candles).refusals[0].reason == "late"
    ea.tell(1)
    assert ea.reply().seq == 1
    reader = guarded.client("reader")
    assert len(AckLog(reader, names, 1).read()) == 1
    eventually(lambda: live_members(reader, names, "bridge") == ["bridge"])
    eventually(lambda: reader.get(names.bridge_clients("bridge")))
    reader.close()
