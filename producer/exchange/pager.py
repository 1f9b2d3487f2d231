"""Walks through an exchange's history: pages of candles that are surely closed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from producer.exchange.rest import Rest
from producer.exchange.row import Row
from shared.clock import Clock


@dataclass(frozen=True)
class Page:
    """All candles that the exchange has with since <= t < open_row's t; None: it has none from ``since`` on."""

    since: int
    closed: list[Row]
    open_row: Row | None


@dataclass(frozen=True)
class Pager:
    """History of one market.

    A candle is closed when the exchange names a later one: its own word, not our clock's. So the last row of an answer
    is withheld and asked for again, as the first row of the next page.
    """

    rest: Rest
    clock: Clock
    symbol: str
    interval: str
    width_ms: int

    async def pages(self, since: int, to: int | None = None) -> AsyncIterator[Page]:
        """Pages from ``since`` up to what is under way, or up to ``to`` (exclusive).

        Raises
        ------
        ExchangeError
            As ``Rest.page``; begin again after the last closed candle.
        """
        limit = self.rest.page_size(self.symbol)
        held: Row | None = None
        at = since
        while True:
            rows = await self.rest.page(self.symbol, self.interval, at, limit)
            if held is not None and (not rows or rows[0][0] > held[0]):
                rows.insert(0, held)
            closed, last = rows[:-1], rows[-1] if rows else None
            if to is not None:
                closed = [row for row in closed if row[0] < to]
            if closed or last is not None:
                yield Page(since, closed, last)
            if last is not None and to is not None and last[0] >= to:
                return
            if last is not None and len(rows) < limit and last[0] + 2 * self.width_ms > self.clock.now_ms():
                return  # spares a request; were the clock wrong, whoever misses candles asks again
            if last is not None and (held is None or last[0] > held[0]) and len(rows) > 1:
                since = at = last[0]
            elif at + limit * self.width_ms < self.clock.now_ms():
                at += limit * self.width_ms  # an answer may span so many candles, and the market slept through them
            else:
                return
            held = last or held
