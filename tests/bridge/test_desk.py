"""What Expert Advisors send: candles through admission, acks into their log, and what is answered."""

from dataclasses import replace

import numpy as np
import pytest
import redis

from bridge.ea_lines import NAMED_MAX, PresenceLine
from bridge.intake import BUSY_GIVE_UP_S, WAIT_MS
from bridge.rate_limit import Rate, RateLimit
from bridge.testing import push_of
from shared.ack_log import AckLog
from shared.admission import Admission, AdmissionLimits
from shared.broker import fields_of
from shared.clock import SimulatedClock, SystemClock
from shared.codec import decode_candle
from shared.contracts import Series
from shared.settings.groups import SystemSettings
from shared.testing import walk_candles

SERIES = Series("EURUSD", "M15")
CANDLES = walk_candles(700)
SYMBOLS = ["EURUSD", "EURUSDm", "EURUSD.r", "EUR|USD", "ЕВРО/€"]


def _admitted(broker, series=SERIES):
    entries = broker.client.execute_command("XRANGE", broker.names.candles(series.partition), "-", "+")
    found = [decode_candle(fields_of(one)[b"m"], fields_of(one)[b"n"], fields_of(one)[b"a"]) for one in entries]
    return [one for one in found if one.series == series]


def _admission(broker):
    return Admission(broker.client, broker.names, SystemClock(), AdmissionLimits(16_384, 100, 100))


def _acks(broker):
    return [ack for _, ack in AckLog(broker.client, broker.names, 1_000).read()]


def test_a_history_and_then_each_candle_are_admitted_as_any_producers(start_bridge, advisor, broker):
    ea = advisor(start_bridge())
    assert ea.place(SERIES).candle_ms == 0
    for start in (0, 256, 512):
        batch = CANDLES[start : start + 256]
        answer = ea.push(SERIES, batch)
        assert (answer.candle_ms, answer.admitted, answer.refused) == (batch["t"][-1], len(batch), 0)
    assert ea.place(SERIES).candle_ms == CANDLES["t"][-1]
    found = _admitted(broker)
    assert [(one.t, one.o, one.h, one.l, one.c, one.v) for one in found] == CANDLES.tolist()
    assert [one.n for one in found] == list(range(1, 701))
    assert broker.client.hget(broker.names.series(SERIES.partition), SERIES.key) == b"700 ea:ea"


def test_no_symbol_meets_another(start_bridge, advisor, broker):
    ea = advisor(start_bridge())
    for at, symbol in enumerate(SYMBOLS):
        ea.push(Series(symbol, "M15"), CANDLES[at : at + 3])
    for at, symbol in enumerate(SYMBOLS):
        assert [one.t for one in _admitted(broker, Series(symbol, "M15"))] == CANDLES["t"][at : at + 3].tolist()


def test_a_push_that_comes_twice_is_admitted_once(start_bridge, advisor, broker):
    bridge = start_bridge()
    ea = advisor(bridge)
    first, again = ea.push(SERIES, CANDLES[:100]), ea.push(SERIES, CANDLES[:100])
    assert (first.admitted, again.admitted, again.candle_ms) == (100, 0, CANDLES["t"][99])
    assert (bridge.stats.candles_admitted, bridge.stats.candles_known) == (100, 100)


def test_candles_that_can_be_none_are_refused_by_name_and_the_rest_admitted(start_bridge, advisor, broker):
    batch = CANDLES[:8].copy()
    batch["h"][1], batch["l"][2], batch["c"][3], batch["o"][4] = np.nan, 0.0, batch["h"][3] * 2, np.inf
    answer = advisor(start_bridge()).push(SERIES, batch)
    assert (answer.admitted, answer.refused, answer.candle_ms) == (4, 4, batch["t"][-1])
    assert [(one.candle_ms, one.reason) for one in answer.refusals] == [(t, "values") for t in batch["t"][1:5]]
    assert [one.t for one in _admitted(broker)] == [*batch["t"][:1], *batch["t"][5:]]


def test_what_admission_refuses_is_named_with_its_verdict(start_bridge, advisor, broker):
    ea = advisor(start_bridge())
    ea.push(SERIES, np.delete(CANDLES[:20], 10))
    revised = CANDLES[9:21].copy()
    revised["c"][0] = revised["o"][0]
    answer = ea.push(SERIES, revised)
    assert [(one.candle_ms, one.reason) for one in answer.refusals] == [
        (CANDLES["t"][9], "revision"), (CANDLES["t"][10], "late"),
    ]  # fmt: skip
    assert answer.admitted == 1


def test_a_series_of_another_source_is_left_to_it_and_nothing_is_sent_again(start_bridge, advisor, broker):
    _admission(broker).admit(SERIES, CANDLES[:5], 0, "exchange:x")
    answer = advisor(start_bridge()).push(SERIES, CANDLES[5:25])
    assert (answer.admitted, answer.refused, answer.candle_ms) == (0, 20, CANDLES["t"][24])
    assert {one.reason for one in answer.refusals} == {"foreign_source"}
    assert len(answer.refusals) == NAMED_MAX


def test_candles_of_the_future_are_refused(start_bridge, advisor, broker):
    ea = advisor(start_bridge(clock=SimulatedClock(int(CANDLES["t"][4]))))
    answer = ea.push(SERIES, CANDLES[:8])
    assert answer.admitted == 5
    assert [one.reason for one in answer.refusals] == ["future"] * 3


@pytest.mark.parametrize("fault", ["digest", "count", "order", "last_ms"])
def test_a_frame_that_is_not_the_signed_one_is_dropped_whole(start_bridge, advisor, broker, eventually, fault):
    bridge = start_bridge()
    ea = advisor(bridge)
    line, frame = push_of("ea", SERIES, CANDLES[:3])
    if fault == "digest":
        frame = frame[:-1] + b"\1"
    elif fault == "count":
        line = replace(line, count=4)
    elif fault == "order":
        line, frame = push_of("ea", SERIES, CANDLES[[0, 2, 1]])
    else:
        line = replace(line, last_ms=line.last_ms + 1)
    ea.send(line, frame)
    eventually(lambda: bridge.stats.requests_refused == 1)
    assert ea.place(SERIES).candle_ms == 0
    assert not _admitted(broker)


def test_a_frame_of_more_than_256_candles_closes_the_connection_and_no_other(start_bridge, advisor):
    bridge = start_bridge()
    ea, other = advisor(bridge), advisor(bridge, "other")
    ea.push(SERIES, CANDLES[:256])
    line, _ = push_of("ea", SERIES, CANDLES[:3])
    ea.send(line, bytes(256 * 60 + 1))
    assert other.push(SERIES, CANDLES[256:300]).candle_ms == CANDLES["t"][299]


def test_a_busy_system_is_waited_for(start_bridge, advisor, broker, eventually):
    log = broker.names.candles(SERIES.partition)
    _fill(broker, log)
    bridge = start_bridge(system=SystemSettings(max_backlog=4_096, predictions_keep=1_000))
    ea, other = advisor(bridge), advisor(bridge, "other")
    line, frame = push_of("ea", SERIES, CANDLES[:3])
    ea.send(line, frame)
    free = next(one for at in range(99) if (one := Series(f"A{at}", "M15")).partition != SERIES.partition)
    assert other.push(free, CANDLES[:3]).admitted == 3  # busy is one partition, and nobody else waits for it
    assert ea.reply(300) is None
    broker.client.delete(log)
    assert ea.reply().admitted == 3


def test_a_system_that_stays_busy_gives_the_candles_back(start_bridge, advisor, broker, eventually):
    _fill(broker, broker.names.candles(SERIES.partition))
    clock = SimulatedClock(1_700_000_000_000)
    bridge = start_bridge(clock=clock, system=SystemSettings(max_backlog=4_096, predictions_keep=1_000))
    ea = advisor(bridge)
    assert ea.place(SERIES).candle_ms == 0
    line, frame = push_of("ea", SERIES, CANDLES[:3])
    ea.send(line, frame)
    eventually(lambda: bool(bridge.bridge._intake._held))
    clock.sleep(BUSY_GIVE_UP_S + 1)
    answer = ea.reply()
    assert (answer.candle_ms, answer.wait_ms, answer.admitted) == (0, WAIT_MS, 0)
    assert bridge.stats.pushes_busy == 1


def _fill(broker, log):
    pipeline = broker.client.pipeline(transaction=False)
    for _ in range(4_096):
        pipeline.xadd(log, {"m": b""})
    pipeline.execute()


def test_a_broker_that_lost_its_tail_is_told_of_at_the_next_candle(start_bridge, advisor, broker):
    ea = advisor(start_bridge())
    ea.push(SERIES, CANDLES[:10])
    broker.client.flushall()
    _admission(broker).admit(SERIES, CANDLES[:7], 0, "ea:ea")
    answer = ea.push(SERIES, CANDLES[10:11])
    assert (answer.candle_ms, answer.admitted) == (CANDLES["t"][6], 0)
    assert ea.push(SERIES, CANDLES[7:11]).admitted == 4


def test_two_bridges_take_the_candles_of_one_series(start_bridge, advisor, broker):
    eas = [advisor(start_bridge()) for _ in range(2)]
    for at in range(50):
        for ea in eas:
            ea.push(SERIES, CANDLES[at : at + 1])
    assert [one.t for one in _admitted(broker)] == CANDLES["t"][:50].tolist()


def test_acks_are_logged_once_and_confirmed(start_bridge, advisor, broker):
    ea = advisor(start_bridge())
    for number in (1, 2, 2, 1, 3):
        ea.tell(number)
    assert [ea.reply().seq for _ in range(5)] == [1, 2, 2, 2, 3]
    assert [ack.number for ack in _acks(broker)] == [1, 2, 3]
    ack = _acks(broker)[0]
    assert (ack.client, ack.symbol, ack.id, ack.event, ack.side) == ("ea", "EURUSD", "EURUSD.M15.900000", "ordered", 1)
    assert (ack.lots, ack.price_points, ack.detail) == (0.25, 110_000, "ticket 7")


def test_acks_that_are_repeated_to_the_next_bridge_are_logged_once(start_bridge, advisor, broker):
    for _ in range(2):
        ea = advisor(start_bridge())
        for number in (1, 2, 3):
            ea.tell(number)
        assert [ea.reply().seq for _ in range(3)][-1] == 3
    assert [ack.number for ack in _acks(broker)] == [1, 2, 3]


def test_an_ack_behind_one_that_was_lost_is_not_taken_before_it(start_bridge, advisor, broker, eventually):
    clock = SimulatedClock(1_700_000_000_000)
    bridge = start_bridge(clock=clock)
    bridge.bridge._desk._lines = RateLimit(clock, Rate(2, 1.0))
    ea = advisor(bridge)
    for number in (1, 2, 3):
        ea.tell(number)
    assert [ea.reply().seq for _ in range(2)] == [1, 2]
    eventually(lambda: bridge.stats.requests_refused == 1)
    clock.sleep(2)
    for number in (4, 3):
        ea.tell(number)
    assert ea.reply().seq == 3
    assert [ack.number for ack in _acks(broker)] == [1, 2, 3]


def test_what_meets_a_lost_broker_is_dropped_and_the_next_is_taken(start_bridge, advisor, monkeypatch, eventually):
    bridge = start_bridge()
    ea = advisor(bridge)
    intake = bridge.bridge._intake
    with monkeypatch.context() as away:
        away.setattr(intake._admission, "admit_each", _away)
        away.setattr(intake._acks, "append", _away)
        line, frame = push_of("ea", SERIES, CANDLES[:2])
        ea.send(line, frame)
        ea.tell(1)
        eventually(lambda: bridge.bridge._desk._tears._lost and not bridge.bridge._desk._outstanding)
    ea.tell(2)  # not before the first
    assert ea.push(SERIES, CANDLES[:6]).admitted == 6
    ea.tell(1)
    assert ea.reply().seq == 1


def test_a_job_that_nobody_foresaw_ends_nothing(start_bridge, advisor, monkeypatch, eventually):
    bridge = start_bridge()
    ea = advisor(bridge)
    met = []
    with monkeypatch.context() as broken:
        broken.setattr(bridge.bridge._intake._admission, "admit_each", lambda _: met.append(1) or 1 / 0)
        line, frame = push_of("ea", SERIES, CANDLES[:2])
        ea.send(line, frame)
        eventually(lambda: met and not bridge.bridge._desk._outstanding)
    assert ea.push(SERIES, CANDLES[:2]).admitted == 2


def _away(*_):
    raise redis.exceptions.ConnectionError


@pytest.mark.parametrize("wrong", ["key", "frames", "kind"])
def test_what_is_not_well_signed_or_no_request_is_dropped(start_bridge, advisor, keys, broker, eventually, wrong):
    bridge = start_bridge()
    stranger = advisor(bridge, key=bytes(32) if wrong == "key" else keys.client)
    line, frame = push_of("ea", SERIES, CANDLES[:3])
    if wrong == "frames":
        stranger.send(line, frame, b"")
    elif wrong == "kind":
        stranger.send(PresenceLine("ea", None, "0", 0, 1), b"more")
    else:
        stranger.send(line, frame)
    eventually(lambda: bridge.stats.requests_refused == 1)
    assert not _admitted(broker)
