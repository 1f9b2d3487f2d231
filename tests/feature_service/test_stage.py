"""The feature service over a real broker: rows equal the history's, wherever it is killed, and junk stops nothing."""

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from feature_service.service import run
from feature_service.stage import SET8
from shared.admission import Admission, AdmissionLimits
from shared.clock import SimulatedClock
from shared.codec import decode_row
from shared.contracts import WINDOW, Candles, FeatureRow, Flag, Reason, Series
from shared.dead_letters import dead_letters
from shared.errors import StorageError
from shared.learned_calendar import WEEK_MS, FirstWeeks
from shared.service import ServiceContext
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("EURUSD.r", "M15")
OTHER = Series("XAUUSD", "M15")


def admit(broker: BrokerUnderTest, candles: Candles, series: Series = SERIES) -> None:
    door = Admission(broker.client, broker.names, SimulatedClock(2_000_000_000_000), AdmissionLimits(100_000, 100, 100))
    for start in range(0, len(candles), 256):
        door.admit(series, candles[start : start + 256], Flag.REPLAY, "csv")


def serve(broker: BrokerUnderTest, values: Settings | None = None) -> None:
    """One life of the service: it starts, works until idle, and is gone with everything it held in memory."""
    context = ServiceContext(broker.client, broker.names, SimulatedClock(0), threading.Event(), "one")
    run(values or Settings(), context, until_idle=True)


def rows(broker: BrokerUnderTest, series: Series = SERIES) -> list[FeatureRow]:
    log = broker.names.features(series.partition, SET8)
    entries = broker.client.execute_command("XRANGE", log, "-", "+")
    decoded = [decode_row(entry[1][1]) for entry in entries]
    return [row for row in decoded if row.series == series]


def same_bits(found: list[FeatureRow], candles: Candles) -> None:
    expected = compute_history(candles)
    assert [row.t for row in found] == candles["t"].tolist()
    assert [row.n for row in found] == list(range(1, len(candles) + 1))
    assert [row.previous_t for row in found] == [0, *candles["t"][:-1].tolist()]
    assert np.stack([row.values for row in found]).tobytes() == expected.tobytes()


def test_rows_of_the_stream_are_the_rows_of_the_history(broker: BrokerUnderTest) -> None:
    candles, others = walk_candles(700), walk_candles(50, seed=1)
    admit(broker, candles)
    admit(broker, others, OTHER)
    serve(broker)
    same_bits(rows(broker), candles)
    same_bits(rows(broker, OTHER), others)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 650), min_size=1, max_size=5))
def test_a_service_restarted_anywhere_computes_the_same_bits(broker: BrokerUnderTest, cuts: list[int]) -> None:
    broker.client.flushall()
    candles = walk_candles(650)
    done = 0
    for cut in [*sorted(set(cuts)), len(candles)]:
        admit(broker, candles[done:cut])
        serve(broker)
        done = cut
    same_bits(rows(broker), candles)


def test_series_that_do_not_fit_in_memory_are_read_back(broker: BrokerUnderTest) -> None:
    settings = load_settings(None, {}, {"feature_service.max_series": 16})
    many = [Series(f"S{at}", "M15") for at in range(40)]
    for start in (0, 3):
        for at, series in enumerate(many):
            admit(broker, walk_candles(6, seed=at)[start : start + 3], series)
        serve(broker, settings)
    for at, series in enumerate(many):
        same_bits(rows(broker, series), walk_candles(6, seed=at))


def test_reasons_say_warming_until_the_window_is_whole_and_replay_for_replayed_candles(
    broker: BrokerUnderTest,
) -> None:
    count = FEATURE_SET.lookback + WINDOW
    admit(broker, walk_candles(count))
    serve(broker)
    warming = [row.n for row in rows(broker) if Reason.WARMING in Reason(row.reasons)]
    assert warming == list(range(1, FEATURE_SET.lookback + WINDOW - 1))
    assert all(Reason.REPLAY in Reason(row.reasons) for row in rows(broker))


def test_the_history_keeps_what_recovery_needs_and_no_more(broker: BrokerUnderTest) -> None:
    admit(broker, walk_candles(1_500))
    serve(broker)
    history = broker.names.history(SERIES.partition, SERIES.key)
    assert broker.client.xlen(history) == FEATURE_SET.lookback + WINDOW


def test_copies_altered_candles_and_junk_are_buried_and_change_no_row(broker: BrokerUnderTest) -> None:
    candles = walk_candles(700)
    admit(broker, candles[:650])
    serve(broker)
    log = broker.names.candles(SERIES.partition)
    entries = broker.client.execute_command("XREVRANGE", log, "+", "-", "COUNT", 10)
    newest, older = entries[0][1], entries[9][1]
    altered = [*older]
    altered[1] = older[1][:10] + newest[1][10:50] + older[1][50:]  # other prices at the same time
    for fields in (newest, older, altered, [b"m", b"rubbish", b"n", b"1", b"a", b"1"], [b"x", b"y"]):
        broker.client.execute_command("XADD", log, "*", *fields)
    admit(broker, candles[650:])
    serve(broker)
    same_bits(rows(broker), candles)
    reasons = sorted(letter.reason for letter in dead_letters(broker.client, broker.names))
    assert reasons == ["junk", "junk", "repeat", "repeat", "repeat"]


def test_a_candle_that_was_never_admitted_is_junk(broker: BrokerUnderTest) -> None:
    candles = walk_candles(20)
    admit(broker, candles)
    serve(broker)
    log = broker.names.candles(SERIES.partition)
    fields = broker.client.execute_command("XREVRANGE", log, "+", "-", "COUNT", 1)[0][1]
    forged_t = int(candles["t"][-1] + 900_000).to_bytes(8, "little")
    broker.client.execute_command(
        "XADD", log, "*", b"m", fields[1][:2] + forged_t + fields[1][10:], b"n", b"25", b"a", b"1"
    )
    serve(broker)
    same_bits(rows(broker), candles)
    assert [letter.reason for letter in dead_letters(broker.client, broker.names)] == ["junk"]


def test_a_history_with_a_hole_stops_the_service_instead_of_making_other_rows(
    broker: BrokerUnderTest,
) -> None:
    candles = walk_candles(30)
    admit(broker, candles[:20])
    serve(broker)
    broker.client.xdel(broker.names.history(SERIES.partition, SERIES.key), f"{candles['t'][10]}-0")
    admit(broker, candles[20:])
    with pytest.raises(StorageError, match=r"history of EURUSD%2Er\.M15"):
        serve(broker)
    assert len(rows(broker)) == 20


def test_a_lost_window_is_filled_from_the_history(broker: BrokerUnderTest) -> None:
    candles = walk_candles(900)
    admit(broker, candles[:850])
    serve(broker)
    window = broker.names.window(SERIES.partition, SET8, SERIES.key)
    broker.client.delete(window)
    admit(broker, candles[850:])
    serve(broker)
    entries = broker.client.execute_command("XRANGE", window, "-", "+")
    kept = [decode_row(entry[1][1]) for entry in entries]
    expected = compute_history(candles)[-len(kept) :]
    assert len(kept) >= WINDOW - 1 + 50
    assert np.stack([row.values for row in kept]).tobytes() == expected.tobytes()


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=4), seed=st.integers(0, 20))
def test_gaps_are_the_same_wherever_producer_and_service_are_restarted(
    broker: BrokerUnderTest, cuts: list[int], seed: int
) -> None:
    broker.client.flushall()
    series = Series("EURUSD.r", "H4")
    candles = walk_candles(420, seed=seed, width_ms=series.width_ms)
    holes = (np.random.default_rng(seed).random(420) < 0.1) & (np.arange(420) > 340)
    candles = candles[~holes & (candles["t"] % WEEK_MS < 5 * 86_400_000)]
    done = 0
    for cut in [*sorted(set(cuts)), len(candles)]:
        admit(broker, candles[max(done - 3, 0) : cut], series)
        serve(broker)
        done = cut
    weeks = FirstWeeks(series.width_ms)
    weeks.add(candles["t"])
    calendar, found = weeks.calendar(), rows(broker, series)
    gaps = [row.t for row in found if Reason.GAP in Reason(row.reasons)]
    assert gaps == [row.t for row in found if row.previous_t and calendar.missing(row.previous_t, row.t)]
    assert gaps
    assert len(found) == len(candles)
