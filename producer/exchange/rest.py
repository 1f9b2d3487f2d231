"""Pages of an exchange's history: one request at a time, at the pace that the exchange allows."""

import asyncio
from typing import Any

import structlog

from producer.exchange.flags import MALFORMED
from producer.exchange.row import Row, read_row
from producer.exchange.venue import Venue
from shared.clock import Clock
from shared.errors import ExchangeError, InputError

_log = structlog.get_logger()
_PAGE = 500  # candles, where ccxt does not know the exchange's limit
_PAGE_MAX = 1_000


class Rest:
    """The REST half of an exchange. Nothing is retried here: who asks knows what waits meanwhile."""

    def __init__(self, venue: Venue, clock: Clock) -> None:
        self.exchange = venue.open()
        self._clock, self._not_before_s = clock, 0.0
        self._turn = asyncio.Semaphore(1)

    async def load(self, symbols: list[str]) -> None:
        """Load the markets and check that ``symbols`` are among them.

        Raises
        ------
        ExchangeError
            Away, or the answer is none: try again.
        InputError
            The exchange does not have one of them, or refuses to serve us.
        """
        if not await self._ask(lambda: self.exchange.load_markets(True)):
            raise ExchangeError(f"{self.exchange.id}: says that it has no markets")
        for symbol in symbols:
            if symbol not in self.exchange.markets:
                near = [name for name in self.exchange.markets if symbol.replace("/", "") == name.replace("/", "")]
                mend = f"say {near[0]}" if near else "say BTC/USDT, or BTC/USDT:USDT for the perpetual contract"
                raise InputError("symbol", symbol, f"is no market of {self.exchange.id}", mend)

    def page_size(self, symbol: str) -> int:
        """Candles that one answer may hold."""
        known = self.exchange.feature_value(symbol, "fetchOHLCV", "limit") if self.exchange.features else None
        return min(int(known or _PAGE), _PAGE_MAX)

    async def page(self, symbol: str, interval: str, since: int, limit: int) -> list[Row]:
        """Candles from ``since`` on, ascending, each once; the last may be unfinished.

        Raises
        ------
        ExchangeError
            Away, too busy, or the answer is no list of candles: try again after ``retry_after_s``.
        InputError
            It refuses to serve us.
        """
        values = await self._ask(lambda: self.exchange.fetch_ohlcv(symbol, interval, since, limit))
        try:
            rows = [read_row(value) for value in values]
        except MALFORMED:
            rows = [None]
        sound = {row[0]: row for row in rows if row is not None and row[0] >= since}
        if None in rows:
            raise ExchangeError(f"{self.exchange.id}: {rows.count(None)} of {len(rows)} candles of {symbol} are none")
        return [sound[t] for t in sorted(sound)]

    async def _ask(self, call: Any) -> Any:
        import ccxt  # noqa: PLC0415 - see Venue

        refusals = (
            ccxt.AuthenticationError, ccxt.PermissionDenied, ccxt.BadSymbol, ccxt.ArgumentsRequired, ccxt.NotSupported,
        )  # fmt: skip
        async with self._turn:
            wait_s = self._not_before_s - self._clock.monotonic_s()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            try:
                return await call()
            except refusals as error:
                raise InputError("exchange", self.exchange.id, f"refuses: {_short(error)}", "see its terms") from None
            except ccxt.RateLimitExceeded as error:
                asked_s = self._retry_after_s()
                self._not_before_s = self._clock.monotonic_s() + asked_s  # for every series, not only this one
                raise ExchangeError(_short(error), asked_s) from None
            except (ccxt.BaseError, OSError, *MALFORMED) as error:
                raise ExchangeError(f"{type(error).__name__}: {_short(error)}") from None

    def _retry_after_s(self) -> float:
        headers = {name.lower(): value for name, value in (self.exchange.last_response_headers or {}).items()}
        text = str(headers.get("retry-after", ""))
        return float(text) if text.isdecimal() else 0.0

    async def close(self) -> None:
        """Close its connections."""
        await self.exchange.close()


def _short(error: BaseException) -> str:
    text = str(error)
    return text if len(text) <= 200 else text[:197] + "..."
