"""Venues: what one connection cannot stream is refused before it is tried."""

import pytest

from producer.exchange.venue import Venue, check_streams
from shared.errors import InputError


@pytest.fixture
def binance():
    exchange = Venue("binance", {}, 1.0).open()
    spot = {"type": "spot", "spot": True, "id": "BTCUSDT", "base": "BTC", "quote": "USDT"}
    linear = spot | {"type": "swap", "spot": False, "swap": True, "contract": True, "linear": True}
    names = {"BTC/USDT": spot, "ETH/USDT": spot | {"id": "ETHUSDT"}, "BTC/USDT:USDT": linear}
    exchange.set_markets([values | {"symbol": name} for name, values in names.items()])
    return exchange


def test_markets_of_one_kind_share_a_connection(binance) -> None:
    check_streams(binance, ["BTC/USDT", "ETH/USDT"])


def test_markets_of_two_kinds_are_refused_as_they_may_share_an_id(binance) -> None:
    with pytest.raises(InputError, match="several kinds"):
        check_streams(binance, ["BTC/USDT", "BTC/USDT:USDT"])


def test_an_exchange_that_streams_no_candles_is_refused(binance) -> None:
    binance.has["watchOHLCV"] = False
    with pytest.raises(InputError, match="watchOHLCV"):
        check_streams(binance, ["BTC/USDT"])
