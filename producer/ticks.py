"""Candles from ticks: behind ``natron producer ticks``. A candle is final when a tick of a later one has come."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from producer.buckets import Buckets, Gatherer
from producer.exports.export import ASSUMED_UTC, Block
from producer.exports.faults import Tally
from producer.exports.options import ReadOptions
from producer.exports.text_blocks import BLOCK_BYTES, TextFile
from producer.tick_layout import recognise_ticks
from producer.tick_reader import Counts, TickReader
from producer.zones import UTC_ZONE, Zone, parse_zone
from shared.contracts import Candles
from shared.errors import InputError
from shared.timeframe import timeframe_ms

PRICES = ("bid", "ask", "mid", "trades")


@dataclass(frozen=True)
class TickOptions:
    """What a person says about ticks.

    Attributes
    ----------
    price
        What candles are made of, one of ``PRICES``; None: trades where the file has nothing else or mostly them, else
        bid.
    columns
        One of ``tick_layout.ROLES`` for each column, from the left; None: found from the content.
    first_whole
        The first file begins where a candle does; else its first candle is left out, as it may lack ticks.
    sunday
        Weeks begin on Sunday.
    """

    price: str | None = None
    columns: tuple[str, ...] | None = None
    first_whole: bool = False
    sunday: bool = False

    def __post_init__(self) -> None:
        if self.price not in (None, *PRICES):
            raise InputError("price", self.price, "is no price of a tick", f"use {', '.join(PRICES)}")


class TickFile:
    """Files of ticks, one after another, as candles in flat memory.

    Volume is the sum of the trades' volumes; of quotes (and of trades without volumes) it is their number.

    Raises
    ------
    InputError
        A file cannot be opened or read for certain, or has no such price.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        timeframe: str,
        options: ReadOptions | None = None,
        ticks: TickOptions | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        options = options or ReadOptions()
        self._ticks = ticks or TickOptions()
        self._files = [TextFile(path, block_bytes) for path in paths]
        self._layouts = [recognise_ticks(file, options, self._ticks.columns) for file in self._files]
        self._zone: Zone = parse_zone(options.tz) if options.tz is not None else UTC_ZONE
        self.price = self._choose_price()
        carried = all(layout.stamps[0].form.carries_offset for layout in self._layouts)
        self.tz = "UTC" if carried else self._zone.name
        self.tz_source = "stamps" if carried else "given" if options.tz is not None else "assumed"
        self._buckets = Buckets(timeframe_ms(timeframe), self._zone, sunday=self._ticks.sunday)
        self.tally = Tally()
        self.counts = Counts()

    @property
    def notes(self) -> list[str]:
        """What a person should know of how the files are read."""
        return [ASSUMED_UTC] if self.tz_source == "assumed" else []

    def document(self) -> dict[str, Any]:
        """What became of the ticks."""
        return {**asdict(self.counts), "price": self.price}

    def blocks(self) -> Iterator[Block]:
        """Candles in the order of the ticks; the last may still be open."""
        self.tally, self.counts = Tally(), Counts()
        gatherer, reader = Gatherer(), TickReader(self.price, self._zone, self.tally, self.counts)
        size = sum(file.size for file in self._files) or 1
        first: int | None = None
        done = 0
        for file, layout in zip(self._files, self._layouts, strict=True):
            for text in file.blocks():
                done += text.raw_bytes
                utc, rows = reader.read(text, layout)
                opens = self._buckets.opens(utc)
                if first is None and opens.size:
                    first = 0 if self._ticks.first_whole else int(opens[0])
                    self.counts.partial = int(not self._ticks.first_whole)
                late = gatherer.late
                candles = gatherer.add(opens, rows)
                self.counts.late += gatherer.late - late
                self.counts.ticks += len(opens) - (gatherer.late - late)
                yield _block(candles[candles["t"] != first], done / size)
        candles = gatherer.finish()
        yield _block(candles[candles["t"] != first], 1.0)

    def _choose_price(self) -> str:
        offered = self._layouts[0].priced
        wanted = self._ticks.price
        if wanted is None:
            mostly_trades = "trades" in offered and self._traded_share() > 0.5
            return "trades" if mostly_trades else offered[0]
        for layout in self._layouts:
            if wanted not in layout.priced:
                raise InputError("price", wanted, "is not in the file", f"use {', '.join(layout.priced)}")
        return wanted

    def _traded_share(self) -> float:
        """Part of the first file's first rows that are trades."""
        layout, file = self._layouts[0], self._files[0]
        column = layout.price
        rows = [layout.dialect.split(line) for line in file.head()[layout.first_line - 1 :]]
        texts = [row[column] for row in rows if column is not None and len(row) > column]
        return sum(any(digit in "123456789" for digit in text) for text in texts) / max(len(texts), 1)


def _block(candles: Candles, fraction: float) -> Block:
    return Block(candles, np.zeros(len(candles), np.int64), np.full(len(candles), np.nan), fraction)
