"""Feeds of other exchanges than Binance: what is admitted is their closed candles too, in order, each once.

The fixture checks that law at the end of every test; ``await_whole`` checks it in between.
"""

import pytest

from producer.exchange.dialects import Bybit, Dialect, Okx

PATIENT = {"ping_s": 30.0, "deadline_s": 60.0}


@pytest.fixture(params=[Bybit(), Okx()], ids=lambda one: one.id)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return request.param


def live(exchange, candles: int = 3) -> None:
    for _ in range(candles):
        for market in exchange.markets:
            exchange.trade(market)
            exchange.close_candle(market)


def begin(start_feed, exchange, **changes: object):
    feed = start_feed(**changes)
    feed.await_whole()
    feed.await_subscribed()
    live(exchange)
    feed.await_whole()
    return feed


def test_flagged_candles_arrive_without_a_request(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange, **PATIENT)
    asked = len(exchange.events)
    live(exchange, 20)
    feed.await_whole()
    assert exchange.events[asked:] == []


def test_without_flags_it_is_read_by_successor(start_feed, exchange, monkeypatch) -> None:
    monkeypatch.setattr("producer.exchange.connection.FLAGS", {})
    feed = begin(start_feed, exchange)
    asked = len(exchange.events)
    live(exchange, 5)
    feed.await_whole()
    assert len(exchange.events) > asked


@pytest.mark.parametrize("closed_meanwhile", [0, 7])
def test_a_cut_connection_loses_nothing(start_feed, exchange, closed_meanwhile) -> None:
    feed = begin(start_feed, exchange)
    exchange.trade("BTCUSDT")  # a half-way candle is held when the line goes dead
    exchange.cut()
    for _ in range(closed_meanwhile):
        for market in exchange.markets:
            exchange.close_candle(market, told=False)
    feed.await_subscribed()
    live(exchange)
    feed.await_whole()
    assert feed.metrics.reconnects._value.get() >= 1


def test_a_half_open_connection_is_found_and_replaced(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    exchange.freeze()
    live(exchange, 4)  # nobody hears them
    feed.await_subscribed()
    feed.await_whole()
    assert feed.metrics.reconnects._value.get() >= 1


def test_holes_in_the_stream_are_filled_by_rest(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    for _ in range(5):
        exchange.close_candle("BTCUSDT", told=False)
    exchange.close_candle("BTCUSDT")  # final, and its predecessors were never heard of
    feed.await_whole()


def test_revised_and_repeated_candles_change_nothing(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange)
    t, o, h, low, c, v = exchange.markets["BTCUSDT"].truth[exchange.markets["BTCUSDT"].at - 2].tolist()
    exchange.say("BTCUSDT", (t, o, h, low, c, v), final=True)
    exchange.say("BTCUSDT", (t, o, h * 1.01, low, c, v), final=True)
    await_true(lambda: feed.rejects() == ["revision"], "rejected")
    live(exchange)
    feed.await_whole()
