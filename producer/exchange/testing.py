"""A local exchange that speaks Binance's protocol (REST klines, WebSocket klines) and misbehaves when told to."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from shared.clock import SystemClock
from shared.contracts import Candles

Answer = TypeVar("Answer")
_QUOTE = "USDT"


@dataclass
class Market:
    """One market: the candles that it will have, and how many of them are closed by now."""

    market_id: str
    truth: Candles
    at: int
    interval: str = "1m"
    muted: bool = False

    @property
    def width_ms(self) -> int:
        """Of one candle."""
        return int(self.truth["t"][1] - self.truth["t"][0])

    def now_ms(self) -> int:
        """The exchange's time: in the middle of the open candle."""
        return int(self.truth["t"][self.at]) + self.width_ms // 2

    def unfinished(self, index: int) -> tuple[float, ...]:
        """Candle ``index`` half-way: legal, and wrong in every value but its open."""
        t, o, h, low, c, v = self.truth[index].tolist()
        close = (o + c) / 2
        return (t, o, max(o, close), min(o, close), close, v / 3) if o != c else (t, o, h, low, (o + low) / 2, v / 3)

    def rows(self, since: int, limit: int, lag: int) -> list[list[Any]]:
        """What REST answers: closed candles and the open one, seen ``lag`` candles ago."""
        newest = self.at - lag
        rows = [*(row for row in self.truth[:newest].tolist()), self.unfinished(newest)]
        return [_spelled(row, self.width_ms) for row in rows if row[0] >= since][:limit]


@dataclass
class Trouble:
    """How it misbehaves: answers of REST to give before sound ones, how far behind REST is, how slow streams are."""

    answers: deque[web.Response | float] = field(default_factory=deque)  # a number: seconds without an answer
    lag: int = 0
    handshake_s: float = 0.0  # that a stream takes to open


class LocalExchange:
    """Serves on a loopback port from a thread of its own; every call here is made from outside it."""

    def __init__(self, markets: list[Market]) -> None:
        self.markets = {market.market_id: market for market in markets}
        self.trouble = Trouble()
        self.events: list[str] = []  # what clients did, in order: "subscribe", "klines BTCUSDT"
        self._sockets: set[web.WebSocketResponse] = set()
        self._frozen: set[web.WebSocketResponse] = set()
        self._wanted: dict[web.WebSocketResponse, set[str]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self.port = 0

    def __enter__(self) -> "LocalExchange":
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def options(self) -> dict[str, Any]:
        """For ccxt's constructor: this exchange in Binance's place."""
        rest, stream = f"http://127.0.0.1:{self.port}/api/v3", f"ws://127.0.0.1:{self.port}/ws"
        return {
            "urls": {"api": {"public": rest, "private": rest, "ws": {"spot": stream}}},
            "options": {"fetchMarkets": {"types": ["spot"]}, "ws": {"cost": 1}},
            "rateLimit": 1,
        }

    @property
    def connections(self) -> int:
        """Streams that stand, those that are only half open included."""
        return len(self._sockets)

    @property
    def subscribed(self) -> set[str]:
        """Streams (``btcusdt@kline_1m``) that live connections asked for."""
        return {name for socket in self._sockets - self._frozen for name in self._wanted.get(socket, set())}

    # What a test tells it to do.

    def trade(self, market_id: str) -> None:
        """Say how the open candle stands."""
        market = self.markets[market_id]
        self.say(market_id, market.unfinished(market.at), final=False)

    def close_candle(self, market_id: str, *, told: bool = True, times: int = 1) -> None:
        """Let the open candle close, the next one begin."""
        market = self.markets[market_id]
        market.at += 1
        if told:
            for _ in range(times):
                self.say(market_id, market.truth[market.at - 1].tolist(), final=True)
            self.trade(market_id)

    def say(self, market_id: str, row: tuple[float, ...], *, final: bool) -> None:
        """Send a candle to all who subscribed."""
        market = self.markets[market_id]
        if market.muted:
            return
        t, o, h, low, c, v = row
        k = {"t": int(t), "T": int(t) + market.width_ms - 1, "s": market_id, "i": market.interval, "x": final}
        k |= {"o": _text(o), "h": _text(h), "l": _text(low), "c": _text(c), "v": _text(v)}
        event = {"e": "kline", "E": market.now_ms(), "s": market_id, "k": k}
        self.send(json.dumps(event), f"{market_id.lower()}@kline_{market.interval}")

    def send(self, text: str | bytes, stream: str | None = None) -> None:
        """Send a frame, whatever it is, to all (who subscribed to ``stream``)."""
        self._do(self._send(text, stream))

    def cut(self) -> None:
        """Drop every connection without a word."""
        self._do(self._cut())

    def freeze(self) -> None:
        """Leave every connection half open: it stands, but nothing is read or sent any more."""
        self._do(self._freeze())

    # The server.

    def _do(self, job: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/api/v3/exchangeInfo", self._info)
        app.router.add_get("/api/v3/klines", self._klines)
        app.router.add_get("/ws/{number}", self._stream)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._cut()
        if self._runner is not None:
            await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # answers that were to come late
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _trouble(self) -> web.Response | None:
        if not self.trouble.answers:
            return None
        answer = self.trouble.answers.popleft()
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return None
        return answer

    async def _info(self, _: web.Request) -> web.Response:
        self.events.append("info")
        symbols = [_symbol(market_id) for market_id in self.markets]
        return await self._trouble() or web.json_response({"timezone": "UTC", "symbols": symbols})

    async def _klines(self, request: web.Request) -> web.Response:
        market = self.markets[request.query["symbol"]]
        self.events.append(f"klines {market.market_id}")
        trouble = await self._trouble()
        if trouble is not None:
            return trouble
        since, limit = int(request.query.get("startTime", 0)), int(request.query.get("limit", 500))
        return web.json_response(market.rows(since, limit, self.trouble.lag))

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        await asyncio.sleep(self.trouble.handshake_s)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        self._wanted[socket] = set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    asked = json.loads(message.data)
                    self._wanted[socket].update(asked["params"])
                    self.events.append("subscribe")
                    await socket.send_json({"result": None, "id": asked["id"]})
        finally:
            self._sockets.discard(socket)
            self._frozen.discard(socket)
        return socket

    async def _send(self, text: str | bytes, stream: str | None) -> None:
        for socket in self._sockets - self._frozen:
            if stream is None or stream in self._wanted[socket]:
                with suppress(ConnectionError):
                    await (socket.send_str(text) if isinstance(text, str) else socket.send_bytes(text))

    async def _cut(self) -> None:
        for socket in list(self._sockets):
            transport = socket._req.transport if socket._req is not None else None  # noqa: SLF001 - to be rude
            if transport is not None:
                transport.abort()

    async def _freeze(self) -> None:
        for socket in self._sockets:
            transport = socket._req.transport if socket._req is not None else None  # noqa: SLF001
            if isinstance(transport, asyncio.ReadTransport):
                transport.pause_reading()
            self._frozen.add(socket)


class ExchangeClock(SystemClock):
    """The exchange's time of day; waiting is in real time."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def now_ms(self) -> int:
        """UTC epoch milliseconds, by the exchange."""
        return self._market.now_ms()


def _text(value: float) -> str:
    return repr(value)


def _spelled(row: tuple[float, ...], width_ms: int) -> list[Any]:
    t, o, h, low, c, v = row
    texts = [_text(value) for value in (o, h, low, c, v)]
    return [int(t), *texts, int(t) + width_ms - 1, "0", 1, "0", "0", "0"]


def _symbol(market_id: str) -> dict[str, Any]:
    base = market_id.removesuffix(_QUOTE)
    return {
        "symbol": market_id, "status": "TRADING", "baseAsset": base, "baseAssetPrecision": 8, "quoteAsset": _QUOTE,
        "quotePrecision": 8, "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"], "icebergAllowed": True,
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False, "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.00000001", "maxPrice": "1000000", "tickSize": "0.00000001"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
        ],
    }  # fmt: skip
