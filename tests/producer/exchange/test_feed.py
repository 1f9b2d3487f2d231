"""Feeds: whatever the exchange does, what is admitted is its closed candles, in order, each once.

The fixture checks that law at the end of every test; ``await_whole`` checks it in between.
"""

import json
import socket
import time
from collections.abc import Callable
from random import Random

import pytest
from aiohttp import web
from ccxt.async_support.base.ws.client import Client

from producer.exchange.testing import LocalExchange
from shared.contracts import Series

Start = Callable[..., "RunningFeed"]  # noqa: F821 - tests/producer/exchange/conftest.py
Await = Callable[[Callable[[], bool], str], None]


def live(exchange: LocalExchange, candles: int = 3) -> None:
    for _ in range(candles):
        exchange.trade("BTCUSDT")
        for market in exchange.markets:
            exchange.close_candle(market)


def settle(feed, exchange: LocalExchange) -> None:
    """After a fault: wait until it streams again, and let a few more candles come."""
    feed.await_subscribed()
    live(exchange)
    feed.await_whole()


PATIENT = {"ping_s": 30.0, "deadline_s": 60.0}
"""Where a line that was given up would spoil what is shown: a loaded machine may be silent for longer than the deadline
of the other tests."""


def begin(start_feed: Start, exchange: LocalExchange, **changes: object):
    feed = start_feed(**changes)
    feed.await_whole()
    settle(feed, exchange)
    return feed


def test_streams_are_subscribed_before_history_is_asked_for(start_feed, exchange) -> None:
    exchange.trouble.handshake_s = 0.3
    begin(start_feed, exchange)
    assert exchange.events.index("subscribe") < exchange.events.index("klines BTCUSDT")


def test_flagged_candles_arrive_without_a_request(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange, **PATIENT)
    asked = len(exchange.events)
    for _ in range(20):
        exchange.close_candle("BTCUSDT")
        exchange.close_candle("ETHUSDT")
    feed.await_whole()
    assert exchange.events[asked:] == []


def test_an_exchange_without_flags_is_read_by_successor(start_feed, exchange, monkeypatch) -> None:
    monkeypatch.setattr("producer.exchange.connection.FLAGS", {})
    feed = begin(start_feed, exchange)
    asked = len(exchange.events)
    live(exchange, 5)
    feed.await_whole()
    assert len(exchange.events) > asked


def test_a_candle_without_a_successor_is_not_admitted_by_the_clock(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange, silence_s=0.1)
    market = exchange.markets["BTCUSDT"]
    before = len(feed.admitted())
    market.now_ms = lambda: int(market.truth["t"][market.at]) + 10 * market.width_ms
    asked = len(exchange.events)
    exchange.trade("BTCUSDT")
    await_true(lambda: exchange.events[asked:].count("klines BTCUSDT") > 3, "REST was asked in vain")
    assert len(feed.admitted()) == before
    del market.now_ms


@pytest.mark.parametrize("closed_meanwhile", [0, 1, 7])
@pytest.mark.parametrize("flags", [True, False])
def test_a_cut_connection_loses_nothing(start_feed, exchange, monkeypatch, closed_meanwhile, flags) -> None:
    if not flags:
        monkeypatch.setattr("producer.exchange.connection.FLAGS", {})
    feed = begin(start_feed, exchange)
    exchange.trade("BTCUSDT")  # a half-way candle is held when the line goes dead
    exchange.cut()
    for _ in range(closed_meanwhile):
        exchange.close_candle("BTCUSDT", told=False)
        exchange.close_candle("ETHUSDT", told=False)
    settle(feed, exchange)
    assert feed.metrics.reconnects._value.get() >= 1


def test_cuts_over_and_over_lose_nothing(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    for _ in range(6):
        live(exchange, 2)
        exchange.cut()
        live(exchange, 1)
    settle(feed, exchange)


def test_a_half_open_connection_is_found_and_replaced(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange)
    exchange.freeze()
    live(exchange, 4)  # nobody hears them
    feed.await_subscribed()
    feed.await_whole()
    assert feed.metrics.reconnects._value.get() >= 1
    settle(feed, exchange)


def test_a_line_without_any_frame_is_dead_where_pings_do_not_tell(start_feed, exchange, monkeypatch) -> None:
    async def no_pings(self) -> None:
        pass

    monkeypatch.setattr(Client, "ping_loop", no_pings)
    feed = begin(start_feed, exchange)
    exchange.freeze()
    live(exchange, 4)
    feed.await_subscribed()
    settle(feed, exchange)


def test_what_closed_while_the_line_was_down_is_fetched_though_nothing_is_said_since(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    exchange.cut()
    for market in exchange.markets:
        exchange.close_candle(market, told=False)
    feed.await_whole()


def test_a_quiet_market_is_no_reason_to_reconnect(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange, silence_s=0.3, ping_s=1.0, deadline_s=3.0)
    asked = len(exchange.events)
    await_true(lambda: exchange.events[asked:].count("klines BTCUSDT") >= 3, "silence made it ask REST")
    feed.await_subscribed()  # a slow start may have been taken for deafness; from here on all there is was told
    connected, asked, over_s = feed.metrics.reconnects._value.get(), len(exchange.events), time.monotonic() + 3.5
    await_true(lambda: "klines BTCUSDT" in exchange.events[asked:], "silence made it ask REST again")
    await_true(lambda: time.monotonic() > over_s, "longer than a dead line would be left standing")
    assert feed.metrics.reconnects._value.get() == connected  # pongs came, and REST had nothing new


def test_a_stream_that_goes_deaf_is_noticed_by_what_rest_has(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange, silence_s=0.1)
    exchange.markets["BTCUSDT"].muted = True
    exchange.close_candle("BTCUSDT")
    exchange.close_candle("BTCUSDT")
    feed.await_whole()
    await_true(lambda: feed.metrics.reconnects._value.get() >= 1, "reconnected")
    exchange.markets["BTCUSDT"].muted = False
    settle(feed, exchange)


class Closed:
    """A market that does not trade."""

    def missing(self, *_: int) -> int:
        return 0


def test_the_silence_of_a_closed_market_is_no_alarm(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange, silence_s=0.1, calendars={Series("BTC/USDT", "M1"): Closed()}, **PATIENT)
    await_true(lambda: feed.metrics.silent._value.get() == 1, "the open market is silent")
    asked = len(exchange.events)
    await_true(lambda: exchange.events[asked:].count("klines ETHUSDT") >= 3, "the open market is asked about")
    assert "klines BTCUSDT" not in exchange.events[asked:]


def test_candles_told_three_times_are_admitted_once(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    for _ in range(5):
        exchange.close_candle("BTCUSDT", times=3)
    feed.await_whole()
    assert feed.rejects() == []


def test_old_candles_told_again_are_duplicates(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange)
    market = exchange.markets["BTCUSDT"]
    for index in (market.at - 1, market.at - 5, market.at - 2):
        exchange.say("BTCUSDT", market.truth[index].tolist(), final=True)
    await_true(lambda: feed.metrics.candles.labels("duplicate")._value.get() >= 3, "duplicates counted")
    settle(feed, exchange)


def test_a_revised_candle_is_rejected_and_the_first_word_stays(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange)
    t, o, h, low, c, v = exchange.markets["BTCUSDT"].truth[exchange.markets["BTCUSDT"].at - 2].tolist()
    exchange.say("BTCUSDT", (t, o, h * 1.01, low, c, v), final=True)
    await_true(lambda: feed.rejects() == ["revision"], "rejected")
    settle(feed, exchange)


def test_unfinished_candles_that_come_late_are_nothing(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    market = exchange.markets["BTCUSDT"]
    for index in (market.at - 1, market.at - 3):
        exchange.say("BTCUSDT", market.unfinished(index), final=False)
    settle(feed, exchange)
    assert feed.rejects() == []


@pytest.mark.parametrize("holes", [1, 5])
def test_holes_in_the_stream_are_filled_by_rest(start_feed, exchange, holes) -> None:
    feed = begin(start_feed, exchange)
    for _ in range(holes):
        exchange.close_candle("BTCUSDT", told=False)
    exchange.close_candle("BTCUSDT")  # final, and its predecessors were never heard of
    feed.await_whole()
    settle(feed, exchange)


def test_rest_that_lags_behind_the_stream_is_asked_again(start_feed, exchange, await_true) -> None:
    feed = begin(start_feed, exchange)
    exchange.trouble.lag = 3
    exchange.close_candle("BTCUSDT", told=False)
    exchange.close_candle("BTCUSDT")
    asked = len(exchange.events)
    await_true(lambda: len(exchange.events) > asked + 2, "asked again")
    feed.check()
    exchange.trouble.lag = 0
    settle(feed, exchange)


def test_candles_that_the_exchange_never_had_are_no_hole(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    market = exchange.markets["BTCUSDT"]
    market.truth["t"][market.at :] += 600_000  # it slept
    settle(feed, exchange)


ANSWERS = {
    "429": lambda: web.Response(status=429, headers={"Retry-After": "0"}, text='{"code":-1003,"msg":"Too many"}'),
    "418": lambda: web.Response(status=418, text='{"code":-1003,"msg":"banned"}'),
    "500": lambda: web.Response(status=500, text="oops"),
    "503": lambda: web.Response(status=503, text="<html>down</html>"),
    "nonsense": lambda: web.Response(text="<html>maintenance</html>"),
    "object": lambda: web.json_response({"hello": "world"}),
    "scalars": lambda: web.json_response([1, 2, 3]),
    "broken": lambda: web.json_response([[1_600_000_200_000, "1.2", "0.1", "1", "1.1", "7"]]),
    "null": lambda: web.Response(text="null", content_type="application/json"),
    "silence": lambda: 2.0,
}


@pytest.mark.parametrize("kind", list(ANSWERS))
def test_a_rest_that_fails_is_asked_again(start_feed, exchange, kind) -> None:
    exchange.trouble.answers.extend(ANSWERS[kind]() for _ in range(1 if kind == "silence" else 3))  # of the markets
    feed = begin(start_feed, exchange)
    exchange.trouble.answers.extend(ANSWERS[kind]() for _ in range(1 if kind == "silence" else 3))  # of a hole
    exchange.close_candle("BTCUSDT", told=False)
    exchange.close_candle("BTCUSDT")
    settle(feed, exchange)


def test_a_page_with_a_candle_that_is_none_is_asked_for_again(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    market = exchange.markets["BTCUSDT"]
    for _ in range(5):
        exchange.close_candle("BTCUSDT", told=False)
    page = exchange.dialect.page("BTCUSDT", market.rows(int(market.truth["t"][market.at - 8]), 500, 0), market.width_ms)
    page[-4][2] = "n/a"
    exchange.trouble.answers.append(web.json_response(page))
    settle(feed, exchange)


GARBAGE = {
    "broken json": "{broken",
    "broken list": '[{"e":"kline"',
    "text": "hello",
    "empty": "",
    "null": "null",
    "empty object": "{}",
    "list": "[]",
    "bytes": b"\xff\xfe\x00",
    "no candle": json.dumps({"e": "kline", "s": "BTCUSDT"}),
    "null candle": json.dumps({"e": "kline", "s": "BTCUSDT", "k": None}),
    "empty candle": json.dumps({"e": "kline", "s": "BTCUSDT", "k": {}}),
    "unknown market": json.dumps({"e": "kline", "s": "XRPUSDT", "k": {"s": "XRPUSDT", "i": "1m", "t": 60_000}}),
    "unknown timeframe": json.dumps({"e": "kline", "s": "BTCUSDT", "k": {"s": "BTCUSDT", "i": "77m", "t": 60_000}}),
    "error": json.dumps({"error": {"code": 1, "msg": "no"}, "id": 7}),
}


@pytest.mark.parametrize("kind", list(GARBAGE))
def test_frames_that_are_no_messages_cost_at_most_the_connection(start_feed, exchange, kind) -> None:
    feed = begin(start_feed, exchange, **PATIENT)  # no ping finds a receiver that died of it
    exchange.send(GARBAGE[kind])
    exchange.close_candle("BTCUSDT", told=False)
    settle(feed, exchange)


@pytest.mark.parametrize(
    "change",
    [
        {"t": 30_000}, {"t": 10 * 365 * 86_400_000}, {"t": -10**15}, {"o": float("nan")}, {"h": 0.0}, {"c": -1.0},
        {"v": float("inf")}, {"v": -1.0}, {"l": 10.0},
    ],
    ids=str,
)  # fmt: skip
def test_a_final_candle_that_cannot_be_one_is_not_believed(start_feed, exchange, change) -> None:
    feed = begin(start_feed, exchange)
    market = exchange.markets["BTCUSDT"]
    values = dict(zip("tohlcv", market.truth[market.at].tolist(), strict=True))
    values |= {name: values["t"] + value if name == "t" else value for name, value in change.items()}
    exchange.say("BTCUSDT", tuple(values.values()), final=True)
    settle(feed, exchange)


def test_a_full_log_keeps_its_place_and_goes_on_later(start_feed, exchange, broker, await_true) -> None:
    feed = begin(start_feed, exchange)
    series = feed.series["BTCUSDT"]
    log = broker.names.candles(series.partition)
    pipeline = broker.client.pipeline(transaction=False)
    for _ in range(16_384):
        pipeline.xadd(log, {"m": b""})
    pipeline.execute()
    before = len(feed.admitted())
    live(exchange, 10)
    await_true(lambda: feed.whole("ETHUSDT"), "the other series goes on")
    assert len(feed.admitted()) == before
    broker.client.xtrim(log, maxlen=0, approximate=False)
    feed.await_whole()


def test_a_broker_that_comes_back_without_its_tail_is_refilled(start_feed, exchange, broker) -> None:
    feed = begin(start_feed, exchange)
    newest = int(feed.admitted()["t"][-20])
    series = feed.series["BTCUSDT"]
    history = broker.names.history(series.partition, series.key)
    kept = broker.client.xrange(history, "-", f"{newest}-0")
    broker.client.delete(history)
    for entry in kept:
        broker.client.execute_command("XADD", history, entry[0], *entry[1])
    for client in broker.client.client_list():
        if client["id"] != str(broker.client.client_id()):
            broker.client.client_kill_filter(_id=client["id"])
    live(exchange, 1)
    feed.await_whole()
    assert newest in feed.admitted()["t"]


def test_a_feed_that_is_started_again_goes_on_after_the_newest(start_feed, exchange) -> None:
    feed = begin(start_feed, exchange)
    feed.stop()
    for _ in range(60):
        exchange.close_candle("BTCUSDT", told=False)
    before = len(feed.admitted())
    again = begin(start_feed, exchange)
    assert len(again.admitted()) >= before + 60


def test_two_feeds_of_one_exchange_admit_each_candle_once(start_feed, exchange) -> None:
    begin(start_feed, exchange)
    second = begin(start_feed, exchange)
    live(exchange, 10)
    second.await_whole()
    assert second.rejects() == []


def test_an_exchange_that_is_away_at_the_start_is_waited_for(start_feed, exchange, await_true) -> None:
    exchange.trouble.answers.extend(web.Response(status=503) for _ in range(4))
    begin(start_feed, exchange)


@pytest.mark.parametrize("seed", range(5))
def test_everything_at_once(start_feed, exchange, seed, await_true) -> None:
    random = Random(seed)
    feed = begin(start_feed, exchange, silence_s=0.3)
    kinds = [ANSWERS[kind] for kind in ANSWERS if kind != "silence"]

    def revised() -> None:
        t, o, h, low, c, v = feed.admitted()[-9].tolist()
        exchange.say("BTCUSDT", (t, o, h * 1.01, low, c, v), final=True)

    def unfinished() -> None:
        market = exchange.markets["BTCUSDT"]
        exchange.say("BTCUSDT", market.unfinished(market.at - random.randint(1, 5)), final=False)

    deeds = [
        exchange.cut, exchange.freeze, unfinished, revised,
        lambda: exchange.send(random.choice(list(GARBAGE.values()))),
        lambda: exchange.trouble.answers.append(random.choice(kinds)()),
        lambda: exchange.close_candle("BTCUSDT", told=False), lambda: exchange.close_candle("ETHUSDT", times=2),
        lambda: setattr(exchange.trouble, "lag", random.randint(0, 2)),
    ]  # fmt: skip
    for _ in range(40):
        random.choice(deeds)()
        live(exchange, random.randint(0, 2))
        if random.random() < 0.3:
            feed.await_subscribed()
    exchange.trouble.lag = 0
    settle(feed, exchange)


def test_any_other_address_fails_a_test(only_loopback: list[str]) -> None:
    with pytest.raises(PermissionError), socket.socket() as probe:
        probe.connect(("192.0.2.1", 80))
    with pytest.raises(PermissionError):
        socket.getaddrinfo("api.binance.com", 443)
    assert len(only_loopback) == 2
    only_loopback.clear()
