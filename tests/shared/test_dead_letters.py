"""Dead letters are found, put back, or purged; order holds whatever is put back."""

import pytest

from feature_service.service import run as run_features
from shared.admission import Admission, AdmissionLimits
from shared.clock import SystemClock
from shared.codec import encode_candle
from shared.contracts import Candle, Series
from shared.dead_letters import condemn, dead_letters, find_letter, purge
from shared.errors import InputError
from shared.requeue import requeue
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("X", "M15")
P = SERIES.partition


def door(broker: BrokerUnderTest) -> Admission:
    return Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(16_384, 1_000, 1_000))


def admit(broker: BrokerUnderTest, count: int) -> list[str]:
    """IDs of the entries of ``count`` candles."""
    door(broker).admit(SERIES, walk_candles(count), 0, "csv")
    return [entry[0].decode() for entry in broker.client.execute_command("XRANGE", broker.names.candles(P), "-", "+")]


def bury(broker: BrokerUnderTest, entry_id: str, log: str | None = None) -> None:
    key = log or broker.names.candles(P)
    assert condemn(broker.client, broker.names, P, key, entry_id, stage="s", reason="failed", detail="d")


def compute(broker: BrokerUnderTest) -> None:
    run_features(Settings(), ServiceContext(broker.client, broker.names), until_idle=True)


def test_the_newest_entry_of_a_series_comes_back_and_is_processed(broker: BrokerUnderTest) -> None:
    ids = admit(broker, 3)
    bury(broker, ids[-1])
    compute(broker)
    (letter,) = dead_letters(broker.client, broker.names)
    assert find_letter(broker.client, broker.names, P, letter.id) == letter
    requeue(broker.client, broker.names, letter, door(broker))
    assert list(dead_letters(broker.client, broker.names)) == []
    compute(broker)
    (window,) = broker.client.scan_iter(match="natron:*:window:*", count=1_000)
    assert broker.client.execute_command("XLEN", window) == 3


def test_one_that_its_series_has_gone_past_comes_back_as_a_repeat(broker: BrokerUnderTest) -> None:
    ids = admit(broker, 3)
    compute(broker)
    bury(broker, ids[1])
    (letter,) = dead_letters(broker.client, broker.names)
    requeue(broker.client, broker.names, letter, door(broker))
    compute(broker)
    (again,) = dead_letters(broker.client, broker.names)
    assert again.reason == "repeat"


def test_what_is_from_no_log_or_gone_is_refused_and_stays(broker: BrokerUnderTest) -> None:
    ids = admit(broker, 2)
    series_stream = broker.names.history(P, SERIES.key)
    stamp = broker.client.execute_command("XRANGE", series_stream, "-", "+")[0][0].decode()
    bury(broker, stamp, series_stream)
    bury(broker, ids[1])
    first, second = dead_letters(broker.client, broker.names)
    with pytest.raises(InputError, match="only candles can be put back"):
        requeue(broker.client, broker.names, first, door(broker))
    assert purge(broker.client, broker.names, [second]) == 1
    with pytest.raises(InputError, match="is gone"):
        requeue(broker.client, broker.names, second, door(broker))
    with pytest.raises(InputError, match="no dead letter"):
        find_letter(broker.client, broker.names, P, "nonsense")
    assert list(dead_letters(broker.client, broker.names)) == [first]


def test_an_entry_that_was_cut_off_is_not_put_back_in_part(broker: BrokerUnderTest) -> None:
    entry = broker.client.execute_command("XADD", broker.names.candles(P), "*", "m", b"x" * 5_000).decode()
    bury(broker, entry)
    (letter,) = dead_letters(broker.client, broker.names)
    with pytest.raises(InputError, match="4 KiB"):
        requeue(broker.client, broker.names, letter, door(broker))
    assert list(dead_letters(broker.client, broker.names)) == [letter]


def test_a_row_is_not_put_back_as_its_log_takes_its_inputs_ids(broker: BrokerUnderTest) -> None:
    admit(broker, 3)
    compute(broker)
    log = next(iter(broker.client.scan_iter(match=f"natron:{{{P}}}:features:*", count=1_000))).decode()
    row = broker.client.execute_command("XRANGE", log, "-", "+")[-1][0].decode()
    bury(broker, row, log)
    (letter,) = dead_letters(broker.client, broker.names)
    with pytest.raises(InputError, match="only candles can be put back"):
        requeue(broker.client, broker.names, letter, door(broker))


def test_a_candle_that_no_admission_wrote_goes_through_it(broker: BrokerUnderTest) -> None:
    admit(broker, 2)
    stray = walk_candles(3)[2]
    message = encode_candle(Candle(SERIES, *(stray[name].item() for name in "tohlcv")))
    entry = broker.client.execute_command("XADD", broker.names.candles(P), "*", "m", message, "n", "3").decode()
    bury(broker, entry)
    (letter,) = dead_letters(broker.client, broker.names)
    assert requeue(broker.client, broker.names, letter, door(broker)).startswith("admitted")
    assert list(dead_letters(broker.client, broker.names)) == []
    compute(broker)
    (window,) = broker.client.scan_iter(match="natron:*:window:*", count=1_000)
    assert broker.client.execute_command("XLEN", window) == 3
