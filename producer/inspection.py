"""What a file of candles is: behind ``natron candles inspect``."""

from dataclasses import asdict, dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from producer.exports.export import Block, Export
from producer.exports.options import ReadOptions
from shared.contracts import Candles

_NAMES = ("t", "open", "high", "low", "close", "volume")
_SLOT_MS = 900_000


@dataclass(frozen=True)
class Inspection:
    """A file, told.

    Attributes
    ----------
    rows
        Rows that are candles, repeated ones included.
    refused
        Reason -> ``count``, first ``lines``, ``rule``, ``examples`` (line, field, value).
    duplicates
        Rows whose stamp stood in a row before.
    backward
        Rows whose stamp is before that of the row before them.
    gaps
        Times that the next candle does not follow directly, weekends included.
    first, last
        The first and the last candle as they are replayed: t, open, high, low, close, volume; None where there is none.
    tz, tz_source
        Zone of the stamps, and whether it was ``given``, is in the ``stamps``, was told from the ``data``
        (``--tz auto``), or was ``assumed`` (UTC).
    newest_first
        Whether the file runs backward (it is counted as if it did not).
    notes
        Sentences for people.
    """

    format: str
    encoding: str
    delimiter: str
    timeframe: str
    rows: int
    refused: dict[str, Any]
    duplicates: int
    backward: int
    gaps: int
    first: dict[str, float] | None
    last: dict[str, float] | None
    tz: str
    tz_source: str
    time_form: str
    columns: dict[str, str]
    newest_first: bool
    notes: list[str]

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def inspect(
    path: Path, tz: str | None = None, timeframe: str | None = None, options: ReadOptions | None = None
) -> Inspection:
    """Read a file through and tell what it is; memory grows with its span of time, one bit a candle, not its rows.

    Raises
    ------
    InputError
        The file or the zone.
    FormatError
        The format is not certain, or contradicts the timeframe; the error says what settles it.
    """
    export = Export(path, options or ReadOptions(timeframe=timeframe, tz=tz))
    survey = _Survey(export.grid.width_ms)
    for block in export.blocks():
        survey.add(block)
    layout = export.layout
    return Inspection(
        format=layout.name,
        encoding=layout.encoding,
        delimiter=layout.dialect.delimiter_name,
        timeframe=export.grid.timeframe,
        rows=survey.rows,
        refused=export.tally.document(),
        duplicates=survey.duplicates,
        backward=survey.backward,
        gaps=survey.gaps(),
        first=survey.first,
        last=survey.last,
        tz=export.tz,
        tz_source=export.tz_source,
        time_form=" ".join(stamp.form.templates[0] for stamp in layout.stamps),
        columns=_columns(export),
        newest_first=layout.descending,
        notes=export.notes,
    )


def _columns(export: Export) -> dict[str, str]:
    """Role -> column: its name, or its number from 1."""
    layout = export.layout
    roles = dict(zip(("open", "high", "low", "close"), layout.prices.columns, strict=True))
    found: dict[str, int | None] = {**roles, "volume": layout.volume, "spread": layout.spread}
    found["time"] = layout.stamps[0].column
    if len(layout.stamps) > 1:
        found["clock"] = layout.stamps[1].column
    names = layout.header or ("",) * layout.width
    return {role: names[k] or str(k + 1) for role, k in found.items() if k is not None}


def _candle(candle: Candles) -> dict[str, float]:
    return dict(zip(_NAMES, candle.tolist(), strict=True))


class _Survey:
    """Counts over blocks; which stamps were seen is kept as a bit a slot of time."""

    def __init__(self, width_ms: int) -> None:
        self._width_ms = width_ms
        self._slot_ms = gcd(width_ms, _SLOT_MS)  # not the width: a broker's summer moves wide candles by an hour
        self._base = 0  # slot of the first bit
        self._seen = np.zeros(0, np.uint8)
        self.rows = self.duplicates = self.backward = 0
        self.first: dict[str, float] | None = None
        self.last: dict[str, float] | None = None
        self._previous: int | None = None

    def add(self, block: Block) -> None:
        """Count a block."""
        candles = block.candles
        if not len(candles):
            return
        t = candles["t"]
        self.rows += len(t)
        before = self._previous if self._previous is not None else int(t[0])
        self.backward += int((np.diff(t, prepend=before) < 0).sum())
        self._previous = int(t[-1])
        self.first = self.first or _candle(candles[0])
        self.last = _candle(candles[-1])
        slots = np.unique(t // self._slot_ms)
        self._cover(int(slots[0]), int(slots[-1]))
        at = slots - self._base
        new = (self._seen[at >> 3] >> (at & 7)) & 1 == 0
        self.duplicates += len(t) - int(new.sum())
        np.bitwise_or.at(self._seen, at >> 3, (1 << (at & 7)).astype(np.uint8))

    def _cover(self, low: int, high: int) -> None:
        low, high = low & ~7, high | 7
        if not self._seen.size:
            self._base = low
        front = max(self._base - low, 0) // 8
        back = max(high + 1 - self._base - 8 * self._seen.size, 0) // 8
        if front or back:
            self._seen = np.pad(self._seen, (front, back))
            self._base -= 8 * front

    def gaps(self) -> int:
        """Steps wider than the timeframe between neighbouring candles; an hour more or less is none for wide ones."""
        slots = np.flatnonzero(np.unpackbits(self._seen, bitorder="little"))
        slack_ms = 3_600_000 if self._width_ms > 3_600_000 else 0
        return int((np.diff(slots) * self._slot_ms > self._width_ms + slack_ms).sum())
