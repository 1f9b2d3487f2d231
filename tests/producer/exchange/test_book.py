"""Books: no candle goes before it is closed and before all that come before it are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.exchange.book import Book
from producer.exchange.calendar import AlwaysOpen, trades
from producer.exchange.row import Row, read_row
from producer.exchange.silence import Silence
from shared.contracts import Series

SERIES = Series("BTC/USDT", "M1")
WIDTH = 60_000


def row(index: int, close: float = 1.0) -> Row:
    return (index * WIDTH, 1.0, max(1.0, close), min(1.0, close), close, float(index))


def begun(newest: int) -> Book:
    book = Book(SERIES)
    book.start(newest * WIDTH)
    book.answer(book.doubts)
    return book


def indices(rows: list[Row]) -> list[int]:
    return [one[0] // WIDTH for one in rows]


def test_a_final_candle_that_follows_the_newest_goes_at_once() -> None:
    book = begun(10)
    book.see_closed(row(11))
    assert indices(book.ready(9)) == [11]
    assert not book.incomplete


def test_a_final_candle_beyond_a_hole_waits_for_rest() -> None:
    book = begun(10)
    book.see_closed(row(13))
    assert book.ready(9) == []
    assert book.incomplete
    book.cover(10 * WIDTH, [row(11), row(12)], 13 * WIDTH)
    assert indices(book.ready(9)) == [11, 12, 13]
    assert not book.incomplete


def test_a_candle_under_way_says_that_those_before_it_are_closed_and_is_none_itself() -> None:
    book = begun(10)
    book.see(11 * WIDTH)
    assert not book.incomplete
    book.see(12 * WIDTH)
    assert book.incomplete
    assert book.ready(9) == []


def test_what_rest_does_not_know_though_it_knows_later_ones_never_was() -> None:
    book = begun(10)
    book.see_closed(row(12))
    book.cover(10 * WIDTH, [row(11), row(13)], 14 * WIDTH)
    assert indices(book.ready(9)) == [11, 13]


def test_the_record_outweighs_what_was_said_live() -> None:
    book = begun(10)
    book.see_closed(row(12, close=2.0))
    book.cover(10 * WIDTH, [row(11), row(12)], 13 * WIDTH)
    assert book.ready(9) == [row(11), row(12)]


def test_nothing_goes_before_the_broker_was_asked() -> None:
    book = begun(10)
    book.see_closed(row(11))
    book.forget()
    assert book.ready(9) == []


def test_a_broker_with_less_than_it_had_is_begun_anew() -> None:
    book = begun(10)
    book.see_closed(row(11))
    assert not book.compare(7 * WIDTH)
    assert book.ready(9) == []
    assert book.incomplete


def test_a_broker_that_another_instance_fed_is_followed() -> None:
    book = begun(10)
    book.see_closed(row(11))
    book.see_closed(row(12))
    assert book.compare(11 * WIDTH)
    assert indices(book.ready(9)) == [12]


def test_a_doubt_raised_while_rest_answers_is_not_answered_by_it() -> None:
    book = begun(10)
    book.doubt()
    asked = book.doubts
    book.doubt()
    book.answer(asked)
    assert book.incomplete


def test_candles_not_after_the_newest_are_for_admission_to_judge() -> None:
    book = begun(10)
    book.see_closed(row(10))
    book.see_closed(row(4))
    assert indices(book.strays) == [10, 4]
    book.start(7 * WIDTH)
    assert indices(book.strays) == [4]  # the other one would leave 8 and 9 out


@given(st.data())
def test_however_truth_is_told_it_goes_in_order_each_once_without_a_hole(data: st.DataObject) -> None:
    book, went, at = begun(0), [0], 1  # candle `at` is under way
    for _ in range(data.draw(st.integers(1, 30))):
        match data.draw(st.sampled_from(["close", "lose", "see", "final", "rest", "lost broker"])):
            case "close":
                book.see_closed(row(at))
                at += 1
            case "lose":
                at += 1
            case "see":
                book.see(data.draw(st.integers(1, at)) * WIDTH)
            case "final" if at > 1:
                book.see_closed(row(data.draw(st.integers(1, at - 1))))
            case "rest":
                since, seen = went[-1], data.draw(st.integers(went[-1], at))
                book.cover(since * WIDTH, [row(i) for i in range(since, seen)], seen * WIDTH)
            case "lost broker":
                went = went[: data.draw(st.integers(1, len(went)))]
                book.start(went[-1] * WIDTH)
        if rows := book.ready(data.draw(st.integers(1, 5))):
            went += indices(rows)
            book.settle(rows)
        assert went == list(range(len(went)))
        assert went[-1] < at
    book.see(at * WIDTH)
    assert book.incomplete or went[-1] == at - 1 or indices(book.ready(1_000))[-1] == at - 1


def test_silence_counts_open_time_only_and_alarms_ever_less_often() -> None:
    silence = Silence(10.0)
    assert not any(silence.pass_time(9.0, market_open=is_open) for is_open in (True, False, True))
    assert silence.pass_time(1.0, market_open=True)
    assert not silence.pass_time(19.0, market_open=True)
    assert silence.pass_time(1.0, market_open=True)
    silence.heard()
    assert silence.pass_time(10.0, market_open=True)


@pytest.mark.parametrize(("now", "open_now"), [(9, True), (59, True), (60, False), (179, False), (180, True)])
def test_a_market_trades_while_its_calendar_has_the_candle_under_way(now: int, open_now: bool) -> None:
    class Lunch:
        def missing(self, previous_t: int, t: int) -> int:
            return sum(previous_t < one * WIDTH < t for one in (0, 3, 4))

    assert trades(Lunch(), WIDTH, 0, now * 1_000) is open_now
    assert trades(AlwaysOpen(WIDTH), WIDTH, 0, now * 1_000)


def test_a_missing_volume_is_none_traded() -> None:
    assert read_row([60_000, "1", 2, 0.5, 1.5, None]) == (60_000, 1.0, 2.0, 0.5, 1.5, 0.0)
    assert read_row([60_000, 1, 2, 0.5, None, 1]) is None
