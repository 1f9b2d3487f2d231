"""The follower, line by line: every order in which lines may come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events import Cause, Origin, Resynchronised, Signal
from bridge.follower import Follower
from bridge.lines import EndLine, HeartbeatLine, SignalLine
from bridge.stats import ClientStats
from shared.contracts import Prediction, Series

A, B = "a" * 16, "b" * 16


def signal(seq, session=A, symbol="X", snapshot=False):
    series = Series(symbol, "M1")
    prediction = Prediction(series, 60_000 * (seq + 1), 96, 0, 0, (), (), (), (), 0, "b", "0" * 64, 0, 0, 0, 0)
    return SignalLine(session, seq, 0, prediction, snapshot)


def end(seq, symbol="X", count=0, session=A):
    return EndLine(session, seq, 0, symbol, count)


def follow(symbol=None, session=A):
    follower = Follower(symbol, ClientStats())
    event = follower.answer(end(0, symbol, session=session), 0)
    assert event == Resynchronised(symbol, session, Cause.START)
    return follower


def live(follower, line):
    symbol = line.symbol if isinstance(line, HeartbeatLine) else line.prediction.series.symbol
    return follower.live(line, symbol, 0)


@given(st.lists(st.integers(1, 12), max_size=60))
def test_whatever_comes_is_given_on_in_order_and_once(numbers):
    follower, given_on = follow(), []
    for number in numbers:
        event = live(follower, signal(number))
        if event:
            given_on.append(event.line.seq)
        if follower.question:  # answered from the ring, up to this line
            missing = range(follower.seq("X") + 1, number + 1)
            given_on += [follower.answer(signal(seq), 0).line.seq for seq in missing]
            assert isinstance(follower.answer(end(number, count=0), 0), Resynchronised)
    assert given_on == list(range(1, max(numbers, default=0) + 1))


def test_a_gap_asks_for_its_symbol_alone():
    follower = follow()
    assert live(follower, signal(2)) is None
    assert (follower.question.symbol, follower.question.cause, follower.seq("X")) == ("X", Cause.GAP, 0)


def test_symbols_are_numbered_apart():
    follower = follow()
    assert live(follower, signal(1))
    assert live(follower, signal(1, symbol="Y"))
    assert follower.question is None


@pytest.mark.parametrize(("seq", "asks"), [(0, False), (1, False), (2, True), (5, True)])
def test_a_heartbeat_ahead_asks(seq, asks):
    follower = follow()
    live(follower, signal(1))
    live(follower, HeartbeatLine(A, seq, 0, "X"))
    assert bool(follower.question) == asks


@pytest.mark.parametrize("line", [signal(1, B), HeartbeatLine(B, 0, 0, "X")])
def test_another_session_asks_for_everything_and_is_entered_by_the_answer_only(line):
    follower = follow()
    live(follower, signal(1))
    assert live(follower, line) is None
    assert (follower.question.symbol, follower.question.cause, follower.session) == (None, Cause.SESSION, A)
    assert follower.answer(signal(1, B, snapshot=True), 0).origin is Origin.SNAPSHOT
    assert follower.answer(end(1, count=1, session=B), 0) is None
    assert follower.answer(end(0, None, 1, B), 0) == Resynchronised(None, B, Cause.SESSION)
    assert live(follower, signal(2, A)) is None
    assert follower.question is None
    assert live(follower, signal(2, B)).line.seq == 2


def test_an_answer_that_lacks_lines_is_asked_again():
    follower = follow()
    live(follower, signal(4))
    assert follower.answer(signal(1), 0).origin is Origin.RESENT
    assert follower.answer(signal(3), 0) is None
    assert follower.answer(end(4, count=4), 0) is None
    assert follower.seq("X") == 1
    question = follower.renew(follower.question)
    assert (question.symbol, question.lines, question.torn) == ("X", 0, False)
    assert [follower.answer(signal(seq), 0).line.seq for seq in (2, 3, 4)] == [2, 3, 4]
    assert follower.answer(end(4, count=3), 0) == Resynchronised("X", A, Cause.GAP)


def test_an_answer_that_lacks_a_symbol_is_asked_again():
    follower = Follower(None, ClientStats())
    follower.answer(end(3, "X"), 0)
    assert follower.answer(end(0, None, 2), 0) is None
    assert follower.question


def test_a_gap_answered_by_a_new_session_asks_for_everything_else():
    follower = follow()
    live(follower, signal(1, symbol="Y"))
    live(follower, signal(3))
    follower.answer(signal(7, B, snapshot=True), 0)
    assert follower.answer(end(7, count=1, session=B), 0) == Resynchronised("X", B, Cause.GAP)
    assert (follower.question.symbol, follower.question.cause) == (None, Cause.SESSION)


def test_a_question_that_met_a_new_session_is_renewed_for_everything():
    follower = follow()
    live(follower, signal(3))
    follower.answer(signal(7, B, snapshot=True), 0)
    assert follower.renew(follower.question).symbol is None


def test_an_answer_nobody_asked_for_changes_nothing():
    follower = follow()
    live(follower, signal(1))
    for line in (signal(2), signal(5, snapshot=True), end(9), end(0, None, 0, B)):
        assert follower.answer(line, 0) is None
    assert (follower.session, follower.seq("X")) == (A, 1)


def test_a_late_answer_for_another_symbol_does_not_close_a_question():
    follower = follow()
    live(follower, signal(3))
    assert follower.answer(end(9, "Y"), 0) is None
    assert (follower.question.symbol, follower.seq("Y")) == ("X", 0)


def test_an_older_snapshot_does_not_take_a_client_back():
    follower = follow("X")
    live(follower, signal(1))
    live(follower, signal(2))
    live(follower, signal(4))
    assert follower.answer(signal(1, snapshot=True), 0) is None
    follower.answer(end(1, count=1), 0)
    assert follower.seq("X") == 2


def test_signals_carry_when_they_came():
    event = follow().live(signal(1), "X", 77)
    assert isinstance(event, Signal)
    assert event.received_us == 77
