"""History of one market into a file: behind ``natron candles fetch``."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import structlog

from producer.exchange.backoff import Backoff
from producer.exchange.candle_file import CandleFile
from producer.exchange.pager import Pager
from producer.exchange.rest import Rest
from producer.exchange.row import Row
from producer.exchange.venue import Venue, interval_of
from shared.clock import Clock
from shared.errors import ExchangeError, InputError
from shared.settings.groups import ExchangeSettings
from shared.timeframe import timeframe_ms

_log = structlog.get_logger()


@dataclass(frozen=True)
class DownloadRequest:
    """What to fetch: closed candles with from_ms <= t < to_ms (None: up to now) of ccxt's market ``symbol``."""

    symbol: str
    timeframe: str
    from_ms: int
    to_ms: int | None
    path: Path

    def __post_init__(self) -> None:
        timeframe_ms(self.timeframe)
        if self.from_ms < 0:
            raise InputError("--from", self.from_ms, "is before 1970", "give a later time")
        if self.to_ms is not None and self.to_ms <= self.from_ms:
            raise InputError("--to", self.to_ms, "is not after --from", "give a later time")


@dataclass(frozen=True)
class DownloadReport:
    """``known``: the file held some before; ``fetched`` were added; ``last_ms`` is the open of the last."""

    known: bool
    fetched: int
    last_ms: int | None


class Download:
    """One file; run it again at will: it goes on after the last whole row.

    Parameters
    ----------
    on_progress
        Called with the candles fetched so far and the open of the last.
    """

    def __init__(
        self, venue: Venue, request: DownloadRequest, settings: ExchangeSettings, clock: Clock, random: Random,
        on_progress: Callable[[int, int], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        self._venue, self._request, self._settings = venue, request, settings
        self._clock, self._on_progress = clock, on_progress
        self._backoff = Backoff(settings.retry_first_s, settings.retry_max_s, random)
        self._tries = self._fetched = 0
        self._last: Row | None = None

    def run(self) -> DownloadReport:
        """Fetch to the end; blocks.

        Raises
        ------
        InputError
            Market, timeframe or file; or the file holds other candles than the exchange.
        ExchangeError
            The exchange stayed away; what came is in the file, and the next run goes on there.
        """
        with CandleFile(self._request.path) as file:
            self._last = file.last
            known = self._last is not None
            asyncio.run(self._fetch(file))
        return DownloadReport(known, self._fetched, self._last[0] if self._last else None)

    async def _fetch(self, file: CandleFile) -> None:
        request, rest = self._request, Rest(self._venue, self._clock)
        try:
            await self._again(lambda: rest.load([request.symbol]))
            interval = interval_of(rest.exchange, request.timeframe)
            pager = Pager(rest, self._clock, request.symbol, interval, timeframe_ms(request.timeframe))
            if file.first is not None:
                await self._again(lambda: self._compare(pager, file.first, request.from_ms))
                await self._again(lambda: self._compare(pager, file.last, file.last[0] if file.last else 0))
            await self._again(lambda: self._walk(pager, file))
        finally:
            await rest.close()

    async def _walk(self, pager: Pager, file: CandleFile) -> None:
        since = self._request.from_ms if self._last is None else self._last[0]
        async for page in pager.pages(since, self._request.to_ms):
            self._backoff.reset()
            self._tries = 0
            fresh = [row for row in page.closed if self._last is None or row[0] > self._last[0]]
            if fresh:
                file.append(fresh)
                self._last = fresh[-1]
                self._fetched += len(fresh)
                self._on_progress(self._fetched, self._last[0])

    async def _compare(self, pager: Pager, known: Row | None, since: int) -> None:
        """Check that the exchange's first candle from ``since`` on is the file's: else it is another market's file."""
        async for page in pager.pages(since):
            found = page.closed[0] if page.closed else page.open_row
            if found != known:
                rule = f"holds {known} where {pager.symbol} {pager.interval} from --from on has {found}"
                raise InputError("--out", str(self._request.path), rule, "give another path, or the file's own --from")
            return

    async def _again(self, call: Callable[[], Awaitable[None]]) -> None:
        self._tries = 0
        while True:
            try:
                return await call()
            except ExchangeError as error:
                self._tries += 1
                if self._tries >= self._settings.attempts:
                    raise
                wait_s = self._backoff.next_s(error.retry_after_s)
                _log.warning("fetch_failed", error=str(error), again_in_s=round(wait_s, 3))
                await asyncio.sleep(wait_s)
