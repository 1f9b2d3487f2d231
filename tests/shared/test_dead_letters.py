"""Dead letters are found, put back, or purged; order holds whatever is put back."""

import pytest

from feature_service.service import run as run_features
from shared.admission import Admission, AdmissionLimits
from shared.clock import SystemClock
from shared.contracts import Series
from shared.dead_letters import condemn, dead_letters, find_letter, purge, requeue
from shared.errors import InputError
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("X", "M15")
P = SERIES.partition


def admit(broker: BrokerUnderTest, count: int) -> list[str]:
    """IDs of the entries of ``count`` candles."""
    door = Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(16_384, 1_000, 1_000))
    door.admit(SERIES, walk_candles(count), 0, "csv")
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
    requeue(broker.client, broker.names, letter)
    assert list(dead_letters(broker.client, broker.names)) == []
    compute(broker)
    (window,) = broker.client.scan_iter(match="natron:*:window:*", count=1_000)
    assert broker.client.execute_command("XLEN", window) == 3


def test_one_that_its_series_has_gone_past_comes_back_as_a_repeat(broker: BrokerUnderTest) -> None:
    ids = admit(broker, 3)
    compute(broker)
    bury(broker, ids[1])
    (letter,) = dead_letters(broker.client, broker.names)
    requeue(broker.client, broker.names, letter)
    compute(broker)
    (again,) = dead_letters(broker.client, broker.names)
    assert again.reason == "repeat"


def test_what_is_from_no_log_or_gone_is_refused_and_stays(broker: BrokerUnderTest) -> None:
    ids = admit(broker, 2)
    series_stream = broker.names.history(P, SERIES.key)
    stamp = broker.client.execute_command("XRANGE", series_stream, "-", "+")[0][0].decode()
    bury(broker, stamp, series_stream)
    bury(broker, ids[0])
    first, second = dead_letters(broker.client, broker.names)
    with pytest.raises(InputError, match="which is no log"):
        requeue(broker.client, broker.names, first)
    assert purge(broker.client, broker.names, [second]) == 1
    with pytest.raises(InputError, match="is gone"):
        requeue(broker.client, broker.names, second)
    with pytest.raises(InputError, match="no dead letter"):
        find_letter(broker.client, broker.names, P, "nonsense")
    assert list(dead_letters(broker.client, broker.names)) == [first]


def test_an_entry_that_was_cut_off_is_not_put_back_in_part(broker: BrokerUnderTest) -> None:
    entry = broker.client.execute_command("XADD", broker.names.candles(P), "*", "m", b"x" * 5_000).decode()
    bury(broker, entry)
    (letter,) = dead_letters(broker.client, broker.names)
    with pytest.raises(InputError, match="4 KiB"):
        requeue(broker.client, broker.names, letter)
    assert list(dead_letters(broker.client, broker.names)) == [letter]
