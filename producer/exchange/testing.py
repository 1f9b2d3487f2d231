"""A local exchange: it speaks a real one's protocol (REST pages, WebSocket candles) and misbehaves when told to."""

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from producer.exchange.dialects import Binance, Dialect, Row
from shared.clock import SystemClock
from shared.contracts import Candles

Answer = TypeVar("Answer")
BINANCE = Binance()


@dataclass
class Market:
    """One market: the candles that it will have, and how many of them are closed by now."""

    market_id: str
    truth: Candles
    at: int
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

    def rows(self, since: int, limit: int, lag: int) -> list[Row]:
        """What REST sees: closed candles and the open one, ``lag`` candles ago."""
        newest = self.at - lag
        rows = [*(row for row in self.truth[:newest].tolist()), self.unfinished(newest)]
        return [row for row in rows if row[0] >= since][:limit]


@dataclass
class Trouble:
    """How it misbehaves: answers of REST to give before sound ones, how far behind REST is, how slow streams are."""

    answers: deque[web.Response | float] = field(default_factory=deque)  # a number: seconds without an answer
    lag: int = 0
    handshake_s: float = 0.0  # that a stream takes to open


class LocalExchange:
    """Serves on a loopback port from a thread of its own; every call here is made from outside it."""

    def __init__(self, markets: list[Market], dialect: Dialect = BINANCE) -> None:
        self.markets = {market.market_id: market for market in markets}
        self.dialect = dialect
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
        """For ccxt's constructor: this exchange in the real one's place."""
        return self.dialect.options(self.port)

    @property
    def connections(self) -> int:
        """Streams that stand, those that are only half open included."""
        return len(self._sockets)

    @property
    def subscribed(self) -> set[str]:
        """Markets that live connections asked for."""
        return {market for socket in self._sockets - self._frozen for market in self._wanted.get(socket, set())}

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
        self.send(self.dialect.candle(market_id, row, market.width_ms, final=final), market_id)

    def send(self, text: str | bytes, market_id: str | None = None) -> None:
        """Send a frame, whatever it is, to all (who subscribed to a market)."""
        self._do(self._send(text, market_id))

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
        app.router.add_get(self.dialect.info_path, self._info)
        for path in self.dialect.page_paths:
            app.router.add_get(path, self._page)
        app.router.add_get(self.dialect.stream_path, self._stream)
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
        return await self._trouble() or web.json_response(self.dialect.info(list(self.markets)))

    async def _page(self, request: web.Request) -> web.Response:
        market_id, since, limit = self.dialect.asked(request.query)
        market = self.markets[market_id]
        self.events.append(f"klines {market.market_id}")
        trouble = await self._trouble()
        if trouble is not None:
            return trouble
        rows = market.rows(since, limit, self.trouble.lag)
        return web.json_response(self.dialect.page(market_id, rows, market.width_ms))

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        await asyncio.sleep(self.trouble.handshake_s)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        self._wanted[socket] = set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    markets, answers = self.dialect.heard(message.data)
                    self._wanted[socket].update(markets)
                    self.events += ["subscribe"] if markets else []
                    for answer in answers:
                        await socket.send_str(answer)
        finally:
            self._sockets.discard(socket)
            self._frozen.discard(socket)
        return socket

    async def _send(self, text: str | bytes, market_id: str | None) -> None:
        for socket in self._sockets - self._frozen:
            if market_id is None or market_id in self._wanted[socket]:
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
