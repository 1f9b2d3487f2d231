"""Candles of a wider timeframe from a file's own: behind ``natron candles resample`` and ``--resample-to``."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from producer.buckets import Buckets, Gatherer
from producer.candle_file import CandleWriter
from producer.exports.export import Block, Export
from producer.exports.options import ReadOptions
from producer.exports.text_blocks import BLOCK_BYTES
from producer.zones import parse_zone
from shared.contracts import Candles
from shared.errors import InputError
from shared.timeframe import timeframe_ms


@dataclass
class Counts:
    """What became of the file's candles: rows = used + repeated.

    ``repeated`` are not later than a candle before them; ``partial`` is 1 where the file begins in the middle of a
    candle, which is left out.
    """

    rows: int = 0
    used: int = 0
    repeated: int = 0
    partial: int = 0


class Resampled:
    """A file seen at a wider timeframe: what the broker's own chart of it shows.

    Candles open on the grid of the source's clock (``options.tz``, also where the stamps are in UTC).

    Raises
    ------
    InputError
        The timeframe is not a multiple of the file's, or the file cannot be read for certain.
    """

    def __init__(
        self,
        path: Path,
        timeframe: str,
        options: ReadOptions | None = None,
        *,
        sunday: bool = False,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        options = options or ReadOptions()
        self._export = Export(path, options, block_bytes)
        width_ms, own_ms = timeframe_ms(timeframe), self._export.grid.width_ms
        if width_ms <= own_ms or width_ms % own_ms:
            rule = f"must be a multiple of the file's own, {self._export.grid.timeframe}"
            raise InputError("timeframe", timeframe, rule, "give a wider one")
        self._buckets = Buckets(width_ms, parse_zone(options.tz or self._export.tz), sunday=sunday)
        self.tz, self.tz_source = self._export.tz, self._export.tz_source
        self.tally = self._export.tally
        self.counts = Counts()

    @property
    def notes(self) -> list[str]:
        """What a person should know of how the file is read."""
        return self._export.notes

    def document(self) -> dict[str, Any]:
        """What became of the file's candles."""
        return asdict(self.counts)

    def blocks(self) -> Iterator[Block]:
        """Candles of the wider timeframe; the last may still be open."""
        gatherer, self.counts = Gatherer(), Counts()
        newest, first = 0, 0
        for block in self._export.blocks():
            self.tally = self._export.tally
            candles = _rising(block.candles, newest)
            self.counts.rows += len(block.candles)
            self.counts.used += len(candles)
            self.counts.repeated += len(block.candles) - len(candles)
            if not len(candles):
                continue
            opens = self._buckets.opens(candles["t"])
            if not newest and opens[0] != candles["t"][0]:
                first, self.counts.partial = int(opens[0]), 1
            newest = int(candles["t"][-1])
            yield _block(_without(gatherer.add(opens, _rows(candles)), first), block.fraction)
        yield _block(_without(gatherer.finish(), first), 1.0)


def resample(
    path: Path, timeframe: str, out: Path, options: ReadOptions, *, last_closed: bool = False, sunday: bool = False
) -> dict[str, Any]:
    """Write a file's candles at a wider timeframe, and tell what became of them.

    Parameters
    ----------
    last_closed
        The file ends with a whole candle of the wider timeframe; else the last one is withheld (``open``).
    """
    resampled = Resampled(path, timeframe, options, sunday=sunday)
    writer = CandleWriter(out)
    written, held = 0, None
    for block in resampled.blocks():
        candles = block.candles if held is None else np.concatenate([held, block.candles])
        held = candles[-1:]
        writer.write(candles[:-1])
        written += len(candles[:-1])
    withheld = 0 if held is None else len(held)
    if held is not None and last_closed:
        writer.write(held)
        written, withheld = written + len(held), 0
    writer.close()
    refused = {"count": resampled.tally.total, "reasons": resampled.tally.document()}
    clock = {"tz": resampled.tz, "tz_source": resampled.tz_source}
    return resampled.document() | {"candles": written, "open": withheld, "refused": refused} | clock


def _rising(candles: Candles, newest: int) -> Candles:
    """Those that are later than all before them."""
    t = candles["t"]
    return candles[t > np.maximum.accumulate(np.concatenate([[newest], t[:-1]]))] if len(t) else candles


def _rows(candles: Candles) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.stack([candles[name] for name in "ohlcv"], axis=1)


def _without(candles: Candles, first: int) -> Candles:
    return candles[candles["t"] != first] if first else candles


def _block(candles: Candles, fraction: float) -> Block:
    return Block(candles, np.zeros(len(candles), np.int64), np.full(len(candles), np.nan), fraction)
