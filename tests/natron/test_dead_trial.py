"""A dead letter's entry is run again, and nothing is written."""

from feature_service.service import run as run_features
from natron.dead_trial import try_again
from shared.admission import Admission, AdmissionLimits
from shared.clock import SystemClock
from shared.contracts import Series
from shared.dead_letters import condemn, dead_letters
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("X", "M15")
P = SERIES.partition


def told(broker: BrokerUnderTest, key: str, entry_id: str) -> str:
    """What is said of an entry once it is buried."""
    assert condemn(broker.client, broker.names, P, key, entry_id, stage="s", reason="failed", detail="d")
    before = {one: broker.client.dump(one) for one in broker.client.scan_iter()}
    letter = list(dead_letters(broker.client, broker.names))[-1]
    found = try_again(broker.client, broker.names, Settings(), letter)
    assert {one: broker.client.dump(one) for one in broker.client.scan_iter()} == before
    return found


def newest(broker: BrokerUnderTest, key: str) -> str:
    entry: str = broker.client.execute_command("XREVRANGE", key, "+", "-", "COUNT", 1)[0][0].decode()
    return entry


def test_candles_rows_and_junk_say_what_becomes_of_them(broker: BrokerUnderTest) -> None:
    door = Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(16_384, 1_000, 1_000))
    context = ServiceContext(broker.client, broker.names)
    candles = walk_candles(120)
    door.admit(SERIES, candles[:119], 0, "csv")
    run_features(Settings(), context, until_idle=True)
    log = next(iter(broker.client.scan_iter(match=f"natron:{{{P}}}:features:*", count=1_000))).decode()
    assert told(broker, log, newest(broker, log)) == f"succeeds: n 119 of X.M15, candle {candles['t'][118]}"
    door.admit(SERIES, candles[119:], 0, "csv")
    log = broker.names.candles(P)
    assert told(broker, log, newest(broker, log)) == f"succeeds: n 120 of X.M15, candle {candles['t'][119]}"
    junk = broker.client.execute_command("XADD", log, "*", "m", b"junk", "n", "1").decode()
    assert told(broker, log, junk).startswith("fails: JunkError: does not decode")
