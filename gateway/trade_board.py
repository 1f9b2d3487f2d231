"""Fills that terminals reported, each beside the signal it followed: how late, how much worse, and what came of it."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import redis

from gateway.series_board import SeriesBoard, Span
from shared.broker import fields_of
from shared.codec import decode_ack
from shared.contracts import Ack, Prediction, Series
from shared.errors import InputError, JunkError
from shared.names import Names

ACKS_READ = 5_000
"""Newest acks looked at."""
TRADES_SHOWN = 200
_DETAIL = re.compile(r"deal (?P<deal>\d+) position (?P<position>\d+) result (?P<result>-?[\d.]+)")


@dataclass(slots=True)
class _Trade:
    """A fill, the order it came of, and the deal that closed it."""

    fill: Ack
    order: Ack | None = None
    close: Ack | None = None


class TradeBoard:
    """Reader of what Expert Advisors say."""

    def __init__(self, client: redis.Redis, names: Names, series: SeriesBoard) -> None:
        self._client, self._names, self._series = client, names, series

    def trades(self) -> list[dict[str, Any]]:
        """Newest fills first, at most ``TRADES_SHOWN``; [] where no terminal reports any."""
        raw: list[Any] = self._client.execute_command("XREVRANGE", self._names.acks, "+", "-", "COUNT", ACKS_READ)
        newest = list(_paired(_acks(reversed(raw))))[: -TRADES_SHOWN - 1 : -1]
        return [self._document(trade) for trade in newest]

    def _document(self, trade: _Trade) -> dict[str, Any]:
        fill, order = trade.fill, trade.order
        series, t = _signal_of(order)
        signal = self._signal(series, t) if series else None
        point = self._point(series, t, fill.price_points) if series else None
        slippage = fill.side * (fill.price_points - order.price_points) if order and order.price_points else None
        return {
            "time": fill.sent_ms,
            "client": fill.client,
            "symbol": fill.symbol,
            "side": {1: "buy", -1: "sell"}.get(fill.side),
            "lots": fill.lots,
            "price": round(fill.price_points * point, 8) if point else None,
            "signal": self._series.document(signal) if signal else None,
            "delay_ms": fill.sent_ms - (t + series.width_ms) if series else None,
            "slippage_points": slippage,
            "result": _result(trade.close),
        }

    def _signal(self, series: Series, t: int) -> Prediction | None:
        return next(iter(self._series.predictions(series, Span(t, t))), None)

    def _point(self, series: Series, t: int, price_points: int) -> float | None:
        """Size of the symbol's point: the power of ten that brings the fill next to the candle's close."""
        candle = next(iter(self._series.candles(series, Span(t, t))), None)
        if candle is None or price_points <= 0:
            return None
        return float(10.0 ** round(math.log10(candle.c / price_points)))


def _acks(entries: Iterable[Any]) -> Iterator[Ack]:
    for entry in entries:
        try:
            yield decode_ack(fields_of(entry).get(b"m", b""))
        except JunkError:
            continue


def _paired(acks: Iterable[Ack]) -> Iterator[_Trade]:
    """Trades in the order of their fills: each with the newest order of its client, symbol and side before it."""
    orders: dict[tuple[Any, ...], Ack] = {}
    trades: list[_Trade] = []
    open_trades: dict[tuple[Any, ...], _Trade] = {}
    for ack in acks:
        whose = (ack.client, ack.symbol)
        if ack.event == "ordered":
            orders[*whose, ack.side] = ack
        elif ack.event == "filled":
            trades.append(_Trade(ack, orders.pop((*whose, ack.side), None)))
            open_trades[*whose, _position(ack)] = trades[-1]
        elif ack.event == "closed" and (trade := open_trades.get((*whose, _position(ack)))):
            trade.close = ack
    yield from trades


def _position(ack: Ack) -> str:
    found = _DETAIL.search(ack.detail)
    return found["position"] if found else ""


def _result(close: Ack | None) -> float | None:
    found = _DETAIL.search(close.detail) if close else None
    return float(found["result"]) if found else None


def _signal_of(order: Ack | None) -> tuple[Series | None, int]:
    """Series and open time of the prediction that an order names."""
    if not order:
        return None, 0
    key, _, t = order.id.rpartition(".")
    try:
        return Series.from_key(key), int(t)
    except (InputError, ValueError):
        return None, 0
