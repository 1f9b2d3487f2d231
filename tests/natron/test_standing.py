"""A look at a system tells what its logs, positions and members say."""

from feature_service.feature_set import FEATURE_SET
from feature_service.service import run
from natron.standing import look
from shared.admission import Admission, AdmissionLimits
from shared.clock import SystemClock
from shared.contracts import Series
from shared.delivery import halt
from shared.membership import Membership
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, walk_candles

SET8 = FEATURE_SET.hash[:8]


def test_an_empty_broker_stands_at_nothing(broker: BrokerUnderTest) -> None:
    found = look(broker.client, broker.names, SET8)
    assert (found.candles, found.rows_waiting, found.series, found.champion) == (0, 0, 0, "reference")
    assert found.members == {"feature_service": [], "worker": [], "bridge": [], "scorer": []}


def test_what_waits_is_told_where_it_waits(broker: BrokerUnderTest) -> None:
    door = Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(16_384, 1_000, 1_000))
    for symbol in ("A", "B", "C"):
        door.admit(Series(symbol, "M15"), walk_candles(7), 0, "csv")
    waiting = look(broker.client, broker.names, SET8)
    assert (waiting.series, waiting.candles, waiting.candles_waiting, waiting.rows) == (3, 21, 21, 0)
    run(Settings(), ServiceContext(broker.client, broker.names), until_idle=True)
    halt(broker.client, broker.names, None, 1)
    Membership(broker.client, broker.names, "worker", "one", SystemClock()).renew()
    done = look(broker.client, broker.names, SET8)
    assert (done.candles_waiting, done.rows, done.rows_waiting) == (0, 21, 21)
    assert (done.halted, done.members["worker"]) == (["*"], ["one"])
    assert set(done.document) >= {"at_ms", "dead", "rejected", "broker"}
