"""A live feed: streams for speed, REST for truth, and a keeper for each series that merges them by time."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from threading import Event
from typing import Any

import structlog

from producer.exchange.backoff import Backoff
from producer.exchange.book import Book
from producer.exchange.calendar import trades
from producer.exchange.connection import Connection, StreamLimits
from producer.exchange.keeper import Keeper, Waits
from producer.exchange.pager import Pager
from producer.exchange.request import FeedRequest
from producer.exchange.rest import Rest
from producer.exchange.row import read_row
from producer.exchange.silence import Silence
from producer.exchange.venue import Venue, check_streams, interval_of
from producer.replay import Door
from shared.admission import Verdict
from shared.calendar import AlwaysOpen, Calendar
from shared.clock import Clock
from shared.contracts import Series
from shared.errors import ExchangeError
from shared.metrics import FeedMetrics
from shared.settings.groups import ExchangeSettings

_log = structlog.get_logger()
_BROKER_S = (0.05, 2.0)  # first and longest wait while the broker is away or full


@dataclass(frozen=True)
class World:
    """What a feed lives in; tests bring their own."""

    door: Door
    clock: Clock
    random: Random
    metrics: FeedMetrics
    stop: Event


class Feed:
    """Candles of some markets of one exchange, live, each closed one once, until stopped.

    Parameters
    ----------
    calendars
        Trading hours of a series; without an entry it is open at all times.
    """

    def __init__(
        self, venue: Venue, request: FeedRequest, settings: ExchangeSettings, batch: int, world: World,
        calendars: Mapping[Series, Calendar] | None = None,
    ) -> None:  # fmt: skip
        self._venue, self._request, self._settings, self._batch, self._world = venue, request, settings, batch, world
        self._calendars = calendars or {}
        self._keepers: dict[str, Keeper] = {}
        self._connection: Connection | None = None
        self._tried = asyncio.Event()

    def run(self) -> None:
        """Feed until stopped; blocks. Whatever is away is waited for.

        Raises
        ------
        InputError
            The exchange does not have a market or the timeframe, or refuses to serve us.
        """
        with ThreadPoolExecutor(1, "admission") as aside:
            asyncio.run(self._run(aside))

    async def _run(self, aside: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_loop_error)
        rest = Rest(self._venue, self._world.clock)
        stopping = asyncio.create_task(self._stopped())
        tasks = [stopping, asyncio.create_task(self._work(rest, lambda call: loop.run_in_executor(aside, call)))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises what ended it
        finally:
            await _end(tasks)
            await rest.close()

    async def _work(self, rest: Rest, call: Callable[[Callable[[], Any]], Any]) -> None:
        await self._load(rest)
        interval = interval_of(rest.exchange, self._request.timeframe)
        check_streams(rest.exchange, list(self._request.markets))
        self._keepers = {symbol: self._keeper(rest, symbol, interval, call) for symbol in self._request.markets}
        jobs = [self._connect(rest, interval), self._listen(), *(self._keep(one) for one in self._keepers.values())]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            # Not gather: it would cancel them too, and a second time, in the midst of their farewells.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _end(tasks)

    def _keeper(self, rest: Rest, symbol: str, interval: str, call: Callable[[Callable[[], Any]], Any]) -> Keeper:
        series, world = self._request.markets[symbol], self._world
        return Keeper(
            Book(series), Pager(rest, world.clock, symbol, interval, series.width_ms), world.door,
            self._request.source, self._request.history, self._batch, Silence(self._silence_s(series)),
            Waits(self._backoff(), Backoff(*_BROKER_S, world.random)), world.clock, call, self._count, self._deaf,
        )  # fmt: skip

    def _silence_s(self, series: Series) -> float:
        return min(self._settings.silence_s, 2 * series.width_ms / 1_000)

    def _backoff(self) -> Backoff:
        return Backoff(self._settings.retry_first_s, self._settings.retry_max_s, self._world.random)

    async def _load(self, rest: Rest) -> None:
        backoff = self._backoff()
        while True:
            try:
                return await rest.load(list(self._request.markets))
            except ExchangeError as error:
                wait_s = backoff.next_s(error.retry_after_s)
                self._world.metrics.readiness.unmet("exchange", str(error))
                _log.warning("exchange_away", error=str(error), again_in_s=round(wait_s, 3))
                await asyncio.sleep(wait_s)

    async def _connect(self, rest: Rest, interval: str) -> None:
        """Stay connected."""
        settings, clock, backoff = self._settings, self._world.clock, self._backoff()
        limits = StreamLimits(settings.ping_s, settings.deadline_s, settings.watch_s)
        while True:
            began_s = clock.monotonic_s()
            symbols = list(self._request.markets)
            self._connection = Connection(self._venue, rest.exchange, symbols, interval, self, clock, limits)
            why = await self._connection.run()
            self._tried.set()
            if clock.monotonic_s() - began_s > settings.steady_s:
                backoff.reset()
            wait_s = backoff.next_s()
            self._world.metrics.reconnects.inc()
            self._world.metrics.readiness.unmet("exchange", why)
            _log.warning("connection_lost", error=why, again_in_s=round(wait_s, 3))
            await asyncio.sleep(wait_s)

    async def _listen(self) -> None:
        """Let silence pass for each series whose market is open; ask REST where it lasts too long."""
        clock, last_s = self._world.clock, self._world.clock.monotonic_s()
        while True:
            await asyncio.sleep(self._settings.watch_s)
            now_s = clock.monotonic_s()
            for keeper in self._keepers.values():
                series = keeper.book.series
                calendar = self._calendars.get(series) or AlwaysOpen(series.width_ms)
                is_open = trades(calendar, series.width_ms, keeper.book.newest or 0, clock.now_ms())
                if keeper.silence.pass_time(now_s - last_s, market_open=is_open):
                    _log.warning("series_silent", series=series.key)
                    keeper.book.doubt()
                    keeper.wake()
            self._world.metrics.silent.set(sum(keeper.silence.alarmed for keeper in self._keepers.values()))
            last_s = now_s

    async def _keep(self, keeper: Keeper) -> None:
        """Subscribe first, then fetch: what closes meanwhile is heard. Without a stream REST must do."""
        await self._tried.wait()
        await keeper.run()

    async def _stopped(self) -> None:
        while not self._world.stop.is_set():
            await asyncio.sleep(min(self._settings.watch_s, 0.1))

    # What the connection tells (connection.Listener).

    def opened(self) -> None:
        """Subscribed: history is fetched from now on, so nothing falls between the two."""
        _log.info("connected", exchange=self._venue.id)
        self._world.metrics.readiness.met("exchange")
        self._tried.set()
        for keeper in self._keepers.values():
            keeper.book.doubt()
            keeper.wake()

    def seen(self, symbol: str, t: int, volume: float) -> None:
        """A candle is under way."""
        keeper = self._keepers[symbol]
        keeper.silence.heard()
        if self._plausible(keeper, t):
            keeper.book.see(t, volume)
            if keeper.book.incomplete:
                keeper.wake()

    def closed(self, symbol: str, values: list[Any]) -> None:
        """A candle is final."""
        keeper, row = self._keepers[symbol], read_row(values)
        keeper.silence.heard()
        if row is None:
            _log.warning("candle_malformed", series=keeper.book.series.key, values=repr(values)[:200])
            keeper.book.doubt()  # something closed: REST has it right
        elif self._plausible(keeper, row[0]):
            keeper.book.see_closed(row)
        keeper.wake()

    def _plausible(self, keeper: Keeper, t: int) -> bool:
        """Whether a stamp can be: garbage must not set REST looking for a candle of next year."""
        return t <= self._world.clock.now_ms() + keeper.book.series.width_ms and keeper.book.on_grid(t)

    def _count(self, series: Series, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            self._world.metrics.candles.labels(verdict).inc()
            if verdict in {Verdict.LATE, Verdict.REVISION}:
                _log.warning("candle_rejected", series=series.key, reason=verdict)

    def _deaf(self, series: str) -> None:
        if self._connection is not None:
            self._connection.fail(f"{series}: REST has what the stream left out")

    def _on_loop_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback of ccxt's died (of a frame that is no message, say), and with it its receiving loop."""
        error = context.get("exception")
        if "handle" in context and self._connection is not None:
            self._connection.fail(f"{type(error).__name__}: {str(error)[:200]}")
        else:
            _log.debug("loop_error", message=context.get("message"), error=str(error))


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
