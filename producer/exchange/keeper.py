"""Brings one series to admission: what the stream called final at once, what it left out by REST."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from producer.exchange.backoff import Backoff
from producer.exchange.book import Book
from producer.exchange.pager import Page, Pager
from producer.exchange.row import Row, candles_of
from producer.exchange.silence import Silence
from producer.replay import Door
from shared.admission import Verdict
from shared.broker import LOST
from shared.clock import Clock
from shared.contracts import Series
from shared.errors import BrokerError, BusyError, ExchangeError

_log = structlog.get_logger()
_WIDENINGS = 6
_REFUSED_S = 10.0
_REFUSALS = {
    Verdict.FUTURE: "set the machine's clock",
    Verdict.FOREIGN_SOURCE: "another producer has this series: stop it, or file under another symbol with --as",
}
"""Verdicts that may change, and how."""


@dataclass(frozen=True)
class Waits:
    """How often what is tried again."""

    rest: Backoff
    broker: Backoff


class Keeper:
    """One series, from newest to now, over and over; owns nothing that a crash would lose.

    Parameters
    ----------
    call
        Runs a function of the door aside, so that a slow broker does not stop the streams.
    on_deaf
        Called when REST shows what the stream, silent for long, should have told.
    """

    def __init__(
        self, book: Book, pager: Pager, door: Door, source: str, history: int, batch: int, silence: Silence,
        waits: Waits, clock: Clock, call: Callable[[Callable[[], Any]], Awaitable[Any]],
        count: Callable[[Series, list[Verdict]], None], on_deaf: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.book, self.silence = book, silence
        self._pager, self._door, self._source, self._history = pager, door, source, history
        self._batch, self._waits, self._clock, self._call = batch, waits, clock, call
        self._count, self._on_deaf = count, on_deaf
        self._wake = asyncio.Event()
        self._rest_due_s = 0.0
        self._log = _log.bind(series=book.series.key)

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            wait_s = await self._turn()
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s)
            except TimeoutError:
                continue
            self._wake.clear()

    async def _turn(self) -> float | None:
        """Do what can be done; seconds after which to try again, None where nothing is left to do."""
        try:
            if (wait_s := await self._admit()) is not None:
                return await self._pause(wait_s)
            self._waits.broker.reset()
            if not self.book.incomplete:
                self._waits.rest.reset()
                return None
            left_s = self._rest_due_s - self._clock.monotonic_s()
            if left_s > 0:
                return left_s
            await self._fill()
        except BusyError:
            return await self._pause(self._waits.broker.next_s())
        except (BrokerError, *LOST) as error:
            self.book.forget()
            wait_s = self._waits.broker.next_s()
            self._log.warning("broker_away", error=str(error), again_in_s=round(wait_s, 3))
            return await self._pause(wait_s)
        return 0.0

    async def _pause(self, wait_s: float) -> float:
        """Sleep through frames: while the broker takes nothing, they only need to be remembered."""
        await asyncio.sleep(wait_s)
        return 0.0

    async def _admit(self) -> float | None:
        """Send what may go; seconds to wait where admission refuses it for now."""
        book = self.book
        if not book.asked:
            book.start(await self._call(lambda: self._door.newest(book.series)))
        while book.ready(1):
            # A client replaces a connection that died while idle without a word, and the broker behind the new one may
            # have lost its newest candles: what is then appended would leave them out for ever.
            if not book.compare(await self._call(lambda: self._door.newest(book.series))):
                self._log.warning("broker_lost_candles", newest=book.newest)
            if not (rows := book.ready(self._batch)):
                break
            verdicts = await self._send(rows)
            taken = next((at for at, verdict in enumerate(verdicts) if verdict in _REFUSALS), len(rows))
            if taken:
                book.settle(rows[:taken])
            if taken < len(rows):
                verdict = verdicts[taken]
                self._log.error("candles_refused", reason=verdict, t=rows[taken][0], mend=_REFUSALS[verdict])
                return _REFUSED_S
        if strays := book.strays:
            await self._send(strays)
            book.strays = book.strays[len(strays) :]
        return None

    async def _send(self, rows: list[Row]) -> list[Verdict]:
        book, candles = self.book, candles_of(rows)
        verdicts: list[Verdict] = await self._call(lambda: self._door.admit(book.series, candles, 0, self._source))
        self._count(book.series, verdicts)
        return verdicts

    async def _fill(self) -> None:
        """Ask REST for what is missing; whatever comes of it, not again before the wait is over."""
        book, doubts, least_s = self.book, self.book.doubts, 0.0
        try:
            if book.newest is None:
                await self._fill_history()
            else:
                async for page in self._pager.pages(book.newest):
                    await self._take(page)
            book.answer(doubts)
        except ExchangeError as error:
            least_s = error.retry_after_s
            self._log.warning("fetch_failed", error=str(error))
        finally:
            self._rest_due_s = self._clock.monotonic_s() + self._waits.rest.next_s(least_s)

    async def _fill_history(self) -> None:
        """Fetch at least ``history`` candles of a new series; further back where its market sleeps now and then."""
        width_ms, before, span = self.book.series.width_ms, 0, self._history + 1
        for _ in range(_WIDENINGS):
            since = max(self._clock.now_ms() - span * width_ms, 1)
            pages = [page async for page in self._pager.pages(since)]
            found = sum(len(page.closed) for page in pages)
            if found >= self._history or 0 < found == before:
                break
            before, span = found, 2 * span
        for page in pages:
            await self._take(page)

    async def _take(self, page: Page) -> None:
        if page.open_row is None:
            return
        self.book.cover(page.since, page.closed, page.open_row[0])
        if self.silence.alarmed and (page.open_row[0], page.open_row[5]) > self.book.heard:
            self._on_deaf(self.book.series.key)
        if self.book.ready(1):
            await self._admit()
