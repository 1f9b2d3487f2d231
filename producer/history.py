"""A whole export in memory, for training: sorted, each candle once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from producer.exports.export import Export
from producer.exports.options import ReadOptions
from shared.contracts import CANDLE_DTYPE, Candles
from shared.errors import FormatError


@dataclass(frozen=True)
class HistoryReport:
    """What became of a file's rows: rows = candles + duplicates + conflicts; ``refused`` come on top.

    ``duplicates`` repeat a candle; ``conflicts`` have the stamp of an earlier row and other values (the first counts).
    ``tz_source`` is ``given``, ``stamps``, ``data`` (inferred) or ``assumed`` (UTC, for want of
    any of these).
    """

    format: str
    timeframe: str
    tz: str
    tz_source: str
    rows: int
    candles: int
    duplicates: int
    conflicts: int
    refused: int
    reasons: dict[str, Any]


@dataclass(frozen=True)
class History:
    """Candles of one series.

    Attributes
    ----------
    candles
        (N,) of CANDLE_DTYPE, strictly ascending t.
    spread
        (N,) or None; in price where ``spread_in_price``, else in the file's points; NaN where a row has none.
    """

    candles: Candles
    spread: NDArray[np.float64] | None
    spread_in_price: bool
    report: HistoryReport


def read_history(
    path: Path, timeframe: str | None = None, tz: str | None = None, options: ReadOptions | None = None
) -> History:
    """Read all of an export.

    Parameters
    ----------
    timeframe
        Checked against the data; None takes the most common step.
    tz
        Zone of stamps that carry none, or ``auto``; None is UTC, and the report says so.
    options
        In place of the two, where more must be settled.

    Raises
    ------
    InputError
        The file or the zone.
    FormatError
        The format is not certain, the timeframe contradicts the data, or no row is a candle.
    """
    export = Export(path, options or ReadOptions(timeframe=timeframe, tz=tz))
    blocks = list(export.blocks())
    rows = np.concatenate([np.empty(0, CANDLE_DTYPE), *(block.candles for block in blocks)])
    if not rows.size:
        refusals = export.tally.refusals
        raise FormatError("file", str(path), "holds no candles", str(refusals[0]) if refusals else "give another file")
    order = np.argsort(rows["t"], kind="stable")
    rows = rows[order]
    repeats = np.zeros(len(rows), np.bool_)
    repeats[1:] = rows["t"][1:] == rows["t"][:-1]
    first = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(rows))))
    duplicates = int((repeats & (rows == rows[first])).sum())
    candles = rows[~repeats]
    report = HistoryReport(
        format=export.layout.name,
        timeframe=export.grid.timeframe,
        tz=export.tz,
        tz_source=export.tz_source,
        rows=len(rows),
        candles=len(candles),
        duplicates=duplicates,
        conflicts=int(repeats.sum()) - duplicates,
        refused=export.tally.total,
        reasons=export.tally.document(),
    )
    if export.layout.spread is None:
        return History(candles, None, False, report)
    spread = np.concatenate([block.spread for block in blocks])[order][~repeats]
    point = export.spread_point
    return History(candles, spread * (point or 1.0), point is not None, report)
