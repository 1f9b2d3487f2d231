"""Final flags: read from the exchanges' own messages (their documentation's examples), together with ccxt's values."""

import pytest

from producer.exchange.flags import FLAGS, MALFORMED, Flagged

BINANCE = {
    "e": "kline", "E": 1672515782136, "s": "BNBBTC",
    "k": {
        "t": 1672515780000, "T": 1672515839999, "s": "BNBBTC", "i": "1m", "f": 100, "L": 200, "o": "0.0010",
        "c": "0.0020", "h": "0.0025", "l": "0.0015", "v": "1000", "n": 100, "x": True, "q": "1.0", "V": "500",
        "Q": "0.500", "B": "123456",
    },
}  # fmt: skip
BYBIT = {
    "topic": "kline.5.BTCUSDT",
    "data": [
        {
            "start": 1672324800000, "end": 1672325099999, "interval": "5", "open": "16649.5", "close": "16677",
            "high": "16677", "low": "16608", "volume": "2.081", "turnover": "34666.4005", "confirm": False,
            "timestamp": 1672324988882,
        }
    ],
    "ts": 1672324988882, "type": "snapshot",
}  # fmt: skip
OKX = {
    "arg": {"channel": "candle1D", "instId": "BTC-USDT"},
    "data": [["1629993600000", "42500", "48199.9", "41006.1", "41006.1", "3587.4", "166741046.22", "166741046", "1"]],
}


@pytest.mark.parametrize(
    ("exchange", "message", "flagged"),
    [
        ("binance", BINANCE, Flagged("BNBBTC", "1m", 1672515780000, True)),
        ("bybit", BYBIT, Flagged("BTCUSDT", "5", 1672324800000, False)),
        ("okx", OKX, Flagged("BTC-USDT", "1D", 1629993600000, True)),
    ],
)
def test_a_flag_is_where_the_exchange_puts_it(exchange, message, flagged) -> None:
    assert list(FLAGS[exchange](message)) == [flagged]


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx"])
@pytest.mark.parametrize("message", [{}, [], None, "text", {"e": "kline"}, {"topic": "x", "arg": {}}, {"data": [[]]}])
def test_a_message_that_is_none_is_malformed(exchange, message) -> None:
    with pytest.raises(MALFORMED):
        list(FLAGS[exchange](message))


@pytest.mark.parametrize("exchange", list(FLAGS))
def test_flagged_exchanges_are_ones_that_ccxt_streams(exchange) -> None:
    import ccxt.pro

    made = getattr(ccxt.pro, exchange)()
    assert made.has["watchOHLCV"]
    assert callable(made.handle_ohlcv)
