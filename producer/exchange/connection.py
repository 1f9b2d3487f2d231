"""One connection to an exchange's candle streams, from its opening until it fails; the next one is a new object."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from producer.exchange.flags import FLAGS, MALFORMED
from producer.exchange.row import read_row
from producer.exchange.venue import Venue
from shared.clock import Clock

_log = structlog.get_logger()
_CHUNK = 50  # markets a subscription message
_CLOSE_S = 1.0
_SUBSCRIBE_S = 1.0


@dataclass(frozen=True)
class StreamLimits:
    """Pings every ``ping_s``; given up after ``deadline_s`` without a frame, looked at every ``watch_s``."""

    ping_s: float
    deadline_s: float
    watch_s: float


class Listener(Protocol):
    """Who hears the candles."""

    def opened(self) -> None:
        """The connection stands, and its first frame has come."""
        ...

    def seen(self, symbol: str, t: int, volume: float) -> None:
        """A candle is under way, or a later one."""
        ...

    def closed(self, symbol: str, values: list[Any]) -> None:
        """The exchange says that this candle is final."""
        ...


class Connection:
    """Streams of some markets at one timeframe.

    Parameters
    ----------
    exchange
        The REST half, its markets loaded.
    symbols
        ccxt's names of the markets.
    """

    def __init__(
        self, venue: Venue, exchange: Any, symbols: list[str], interval: str, listener: Listener, clock: Clock,
        limits: StreamLimits,
    ) -> None:  # fmt: skip
        self._symbols, self._interval, self._listener = symbols, interval, listener
        self._clock, self._limits = clock, limits
        inverse = any(exchange.market(symbol).get("inverse") for symbol in symbols)
        self._flags = None if inverse else FLAGS.get(venue.id)
        self._by_id: Mapping[str, str] = {exchange.market(symbol)["id"]: symbol for symbol in symbols}
        self._stream = venue.open_stream(exchange, self._on_open, self._on_message, limits.ping_s)
        self._opened_s: float | None = None
        self._failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def fail(self, why: str) -> None:
        """Give the connection up."""
        if not self._failed.done():
            self._failed.set_result(why)

    async def run(self) -> str:
        """Stream until the connection fails; returns why."""
        tasks = [asyncio.create_task(self._watch(chunk)) for chunk in self._chunks()]
        tasks.append(asyncio.create_task(self._guard()))
        try:
            return await self._failed
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()

    def _chunks(self) -> list[list[str]]:
        # Unflagged, each market's own answer is its bell: a race of several would drop some.
        together = self._flags and self._stream.has.get("watchOHLCVForSymbols")
        size = _CHUNK if together else 1
        return [self._symbols[at : at + size] for at in range(0, len(self._symbols), size)]

    async def _watch(self, symbols: list[str]) -> None:
        """Keep a subscription alive; ccxt reconnects by nobody's leave but ours, as any error ends the connection."""
        import ccxt  # noqa: PLC0415 - see Venue

        try:
            while True:
                if len(symbols) > 1:
                    await self._stream.watch_ohlcv_for_symbols([[symbol, self._interval] for symbol in symbols])
                else:
                    for values in await self._stream.watch_ohlcv(symbols[0], self._interval):
                        self._see(symbols[0], values)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            self.fail("closed by ccxt")  # it cancels its own futures when a connection ends
        except (ccxt.BaseError, OSError, *MALFORMED) as error:
            self.fail(f"{type(error).__name__}: {str(error)[:200]}")

    def _on_open(self) -> None:
        if self._opened_s is None:
            self._opened_s = self._clock.monotonic_s()

    def _on_message(self, stream: Any, message: Any) -> None:
        """Hear a message that ccxt has read: the flags are in the message, the values in ccxt's cache."""
        if self._flags is None:
            return
        try:
            for market, interval, t, final in self._flags(message):
                symbol = self._by_id.get(market)
                if symbol is None or stream.find_timeframe(interval) != self._interval:
                    continue
                values = stream.ohlcvs[symbol][self._interval].hashmap[t]
                if final:
                    self._listener.closed(symbol, values)
                else:
                    self._see(symbol, values)
        except MALFORMED as error:
            _log.warning("message_malformed", error=f"{type(error).__name__}: {str(error)[:200]}")

    def _see(self, symbol: str, values: Any) -> None:
        row = read_row(values)
        if row is not None:
            self._listener.seen(symbol, row[0], row[5])

    async def _guard(self) -> None:
        """Give a connection up on which nothing comes any more, not even the answer to a ping."""
        newest, since_s, told = 0, self._clock.monotonic_s(), False
        while True:
            await asyncio.sleep(self._limits.watch_s)
            clients = (self._stream.clients or {}).values()
            latest = max((client.last_message_at or 0 for client in clients), default=0)
            now_s = self._clock.monotonic_s()
            if not told and self._opened_s is not None and (latest or now_s - self._opened_s > _SUBSCRIBE_S):
                told = True  # the subscription's answer, or time enough for it
                self._listener.opened()
            if latest != newest:
                newest, since_s = latest, now_s
            elif now_s - since_s > self._limits.deadline_s:
                self.fail(f"nothing came for {self._limits.deadline_s:g} s")

    async def _close(self) -> None:
        """Close; a peer that does not answer is not waited for."""
        for closing in (self._stream.close_ws_clients, self._stream.close):
            with suppress(Exception):  # it is being thrown away: whatever it says, the next one is new
                await asyncio.wait_for(closing(), _CLOSE_S)
            self._stream.clients = {}
