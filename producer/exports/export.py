"""An export opened for reading: candles in UTC, block by block, oldest first, in flat memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from producer.exports.faults import Fault, Refusal, Tally
from producer.exports.folds import settle, undecided_tail
from producer.exports.grid import Grid, grid_of, phases_of
from producer.exports.header import names_utc, normal
from producer.exports.layout import Layout, recognise
from producer.exports.options import ReadOptions
from producer.exports.rows import ROW_DTYPE, RowParser, Rows
from producer.exports.stamp_ends import opens_of
from producer.exports.stamp_zones import header_zone, named_zone
from producer.exports.stamps import EPOCH, NO_OFFSET
from producer.exports.text_blocks import BLOCK_BYTES, TextFile, naming
from producer.weeks import Weekends, infer_zone
from producer.zones import UTC_ZONE, Zone, parse_zone
from shared.contracts import CANDLE_DTYPE, Candles

ASSUMED_UTC = "no zone given and none in the stamps: UTC assumed (give --tz otherwise)"
_SPREAD_DECIMALS_MAX = 8


@dataclass(frozen=True)
class Block:
    """Candles of a stretch of the file.

    ``lines`` (N,) are their line numbers; ``spread`` (N,) is in the file's own unit, NaN where absent;
    ``fraction`` is how much of the file has been read, 0..1.
    """

    candles: Candles
    lines: NDArray[np.int64]
    spread: NDArray[np.float64]
    fraction: float


class Export:
    """A file of candles whose format is known.

    Attributes
    ----------
    layout, grid
        How it is written, and its timeframe.
    tz, tz_source
        Zone of its stamps, and whence that is known: ``given``, ``stamps``, ``data`` (inferred) or ``assumed``.
    tally
        What ``blocks`` has refused so far.

    Raises
    ------
    InputError
        The file cannot be opened, or an option is wrong.
    FormatError
        Its format is not certain, or contradicts the options; the error says what settles it.
    """

    def __init__(self, path: Path, options: ReadOptions | None = None, block_bytes: int = BLOCK_BYTES) -> None:
        options = options or ReadOptions()
        automatic = options.tz is not None and options.tz.strip().lower() == "auto"
        zone = parse_zone(options.tz) if options.tz is not None and not automatic else None
        self._file = TextFile(path, block_bytes, options.member)
        with naming(path):
            self.layout: Layout = recognise(self._file, options)
        times = self.layout.times
        self.grid: Grid = grid_of(times, options.timeframe or self._file.contents.timeframe)
        if self.layout.closing:
            self.grid = replace(self.grid, phases=phases_of(opens_of(times, self.grid.width_ms), self.grid.width_ms))
        self.tally = Tally()
        self._ignores_offsets = zone is not None and self._is_terminal_epoch()
        carried = any(stamp.form.carries_offset for stamp in self.layout.stamps) and not self._ignores_offsets
        named = None if carried or zone else named_zone(self.layout.stamps) or header_zone(self._stamp_names())
        if automatic and not carried and named is None:
            zone = infer_zone(self._weekends(), self.grid.width_ms)
        self._zone: Zone = zone or named or UTC_ZONE
        self.tz = "UTC" if carried else self._zone.name
        in_stamps = carried or named is not None or self._names_utc(zone)
        given = "data" if automatic else "given"
        self.tz_source = "stamps" if in_stamps else given if zone else "assumed"
        self.tz_unused = options.tz if in_stamps and options.tz is not None else None

    @property
    def spread_point(self) -> float | None:
        """Price of one point of spread, where the file's decimals tell it."""
        decimals = self.layout.decimals
        return 10.0**-decimals if decimals <= _SPREAD_DECIMALS_MAX else None

    @property
    def notes(self) -> list[str]:
        """What a person should know of how the file is read."""
        layout = self.layout
        notes = [ASSUMED_UTC] if self.tz_source == "assumed" else []
        if self.tz_unused:
            notes.append(f"the stamps carry their own offset: --tz {self.tz_unused} is not used")
        if layout.wrapped:
            notes.append(f"taken out of: {', '.join(layout.wrapped)}; lines count from there")
        notes.extend(layout.notes)
        if layout.volume is None:
            notes.append("no column of volume: 0 throughout")
        if layout.first_line > 2:
            notes.append(f"lines 1 to {layout.first_line - 2} before the header are passed over")
        return notes

    def _weekends(self) -> Weekends:
        """Read the file once for the ends and the beginnings of its weeks."""
        parser = RowParser(self.layout, self.grid, Tally(), self._symbol())
        weekends = Weekends()
        for text in self._file.blocks(backward=self.layout.descending):
            rows = parser.parse(text)
            weekends.add((rows[::-1] if self.layout.descending else rows)["local"])
        return weekends

    def blocks(self) -> Iterator[Block]:
        """Candles in the order of time (a file whose newest row comes first is read backward)."""
        self.tally = Tally()
        parser = RowParser(self.layout, self.grid, self.tally, self._symbol())
        held = np.zeros(0, ROW_DTYPE)
        done = 0
        fraction = 0.0
        for text in self._file.blocks(backward=self.layout.descending):
            rows = parser.parse(text)
            rows = rows[::-1] if self.layout.descending else rows
            done += text.raw_bytes
            fraction = done / self._file.size
            rows = np.concatenate([held, rows]) if held.size else rows
            tail = self._undecided(rows)
            held = rows[len(rows) - tail :]
            yield self._block(rows[: len(rows) - tail], fraction)
        if held.size:
            yield self._block(held, fraction)

    def _undecided(self, rows: Rows) -> int:
        if not self._zone.changes or not rows.size or rows["offset"][-1] != NO_OFFSET:
            return 0
        readings = self._zone.readings(np.ascontiguousarray(rows["local"]))
        return undecided_tail(readings, self.grid.width_ms)

    def _block(self, rows: Rows, fraction: float) -> Block:
        utc = rows["local"] - rows["offset"]
        own = rows["offset"] == NO_OFFSET
        if self._ignores_offsets:
            own[:] = True
        if own.any():
            local = rows["local"][own]
            utc[own], faults = settle(local, self._zone.readings(local), self.grid.width_ms)
            bad = np.zeros(len(rows), np.uint8)
            bad[own] = faults
            self._refuse(rows, bad)
            rows, utc = rows[bad == 0], utc[bad == 0]
        candles = np.empty(len(rows), CANDLE_DTYPE)
        candles["t"] = utc
        for name in "ohlcv":
            candles[name] = rows[name]
        return Block(candles, rows["line"].copy(), rows["spread"].copy(), fraction)

    def _refuse(self, rows: Rows, faults: NDArray[np.uint8]) -> None:
        for fault in (Fault.AMBIGUOUS, Fault.NONEXISTENT):
            found = np.flatnonzero(faults == fault)
            if found.size:
                shown = found[: max(self.tally.wants(fault), 0)]
                told = [_refusal(fault, int(rows["line"][row]), int(rows["local"][row])) for row in shown.tolist()]
                self.tally.add(fault, len(found), told)

    def _symbol(self) -> bytes | None:
        return self.layout.symbol_text.encode() if self.layout.symbol_text is not None else None

    def _is_epoch(self) -> bool:
        return self.layout.stamps[0].form.templates == (EPOCH,)

    def _is_terminal_epoch(self) -> bool:
        """Epochs as MetaTrader's Python interface gives them: the broker's clock, counted as if it were UTC."""
        names = {normal(name) for name in self.layout.header or ()}
        return self._is_epoch() and "tickvolume" in names

    def _names_utc(self, zone: Zone | None) -> bool:
        """Whether no zone is given and the column's name says UTC or GMT."""
        return zone is None and any(names_utc(name) for name in self._stamp_names())

    def _stamp_names(self) -> list[str]:
        header = self.layout.header
        return [] if header is None else [header[stamp.column] for stamp in self.layout.stamps]


def _refusal(fault: Fault, line: int, local_ms: int) -> Refusal:
    stamp = np.datetime64(local_ms, "ms").astype("datetime64[s]")
    return Refusal(line, fault, "time", str(stamp))
