"""Which exchanges say themselves that a candle is final, and where in their messages.

ccxt drops the flag, so it is read from the exchange's own message; the values are ccxt's. An exchange that is not here
is read by successor: its stream only tells that a candle has begun, and the closed ones before it are fetched.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Flagged(NamedTuple):
    """A candle of a message, with the exchange's own spelling of market and timeframe."""

    market: str
    interval: str
    t: int
    final: bool


def _binance(message: Any) -> Iterator[Flagged]:
    if message["e"] == "kline":  # klines of index and mark prices are other series
        k = message["k"]
        yield Flagged(k["s"], k["i"], int(k["t"]), k["x"] is True)


def _bybit(message: Any) -> Iterator[Flagged]:
    _, interval, market = message["topic"].split(".", 2)
    for k in message["data"]:
        yield Flagged(market, interval, int(k["start"]), k["confirm"] is True)


def _okx(message: Any) -> Iterator[Flagged]:
    interval = message["arg"]["channel"].removeprefix("candle")
    for k in message["data"]:
        yield Flagged(message["arg"]["instId"], interval, int(k[0]), k[8] == "1")


FLAGS: dict[str, Callable[[Any], Iterator[Flagged]]] = {
    **dict.fromkeys(("binance", "binanceus", "binanceusdm"), _binance),
    **dict.fromkeys(("bybit", "bybiteu", "bybitid"), _bybit),
    **dict.fromkeys(("okx", "okxus", "myokx"), _okx),
}
"""Exchange id -> reader of its candle messages. Inverse contracts are read by successor everywhere: on the stream ccxt
counts their volume in other units than in history."""

MALFORMED = (AttributeError, LookupError, TypeError, ValueError, OverflowError)
"""What a reader, or ccxt's own code, raises on an answer or a message that is none."""
