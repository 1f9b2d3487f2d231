"""Feeds: whatever the exchange does, what is admitted is its closed candles, in order, each once."""


def test_history_and_live_candles_are_admitted(start_feed, exchange) -> None:
    feed = start_feed()
    feed.await_whole()
    feed.await_subscribed()
    for _ in range(20):
        exchange.trade("BTCUSDT")
        exchange.close_candle("BTCUSDT")
        exchange.close_candle("ETHUSDT")
    feed.await_whole()
