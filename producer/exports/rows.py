"""Rows of a block of text to numbers, each checked against the rules of a candle (design 4)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from producer.exports.dialect import MISSING
from producer.exports.faults import Fault, Refusal, Tally
from producer.exports.fields import Fields, cut_fields
from producer.exports.grid import Grid
from producer.exports.header import is_header, normal
from producer.exports.layout import Layout
from producer.exports.numbers import EMPTY, GOOD, parse_numbers
from producer.exports.stamp_ends import opens_of
from producer.exports.stamps import NO_OFFSET, parse_stamps
from producer.exports.strides import check_strides
from producer.exports.text_blocks import TextBlock
from shared.errors import FormatError

ROW_DTYPE = np.dtype(
    [("local", "<i8"), ("offset", "<i8")]
    + [(name, "<f8") for name in ("o", "h", "l", "c", "v", "spread")]
    + [("line", "<i8")]
)
"""A row that can be a candle: local ms, own offset from UTC in ms or ``NO_OFFSET``, spread NaN where absent."""

Rows = NDArray[np.void]
Faults = NDArray[np.uint8]


@dataclass(frozen=True)
class RowParser:
    """Reads blocks by a layout; what it refuses goes to the tally."""

    layout: Layout
    grid: Grid
    tally: Tally
    symbol: bytes | None

    def parse(self, block: TextBlock) -> Rows:
        """Rows of a block that can be candles, in file order."""
        layout = self.layout
        text = block.text
        if block.first_line < layout.first_line:
            text, first_line = _without_lines(block, layout.first_line)
        else:
            first_line = block.first_line
        fields = cut_fields(text, first_line, layout.dialect.delimiter, layout.width, wrapped=layout.dialect.wrapped)
        rows = np.zeros(fields.lines.size, ROW_DTYPE)
        rows["line"] = fields.lines
        faults = np.zeros(fields.lines.size, np.uint8)
        columns = np.zeros(fields.lines.size, np.int16)  # the column at fault
        _mark(faults, columns, fields.counts != layout.width, Fault.FIELDS, 0)
        self._check_symbol(fields, faults, columns)
        self._read_times(fields, rows, faults, columns)
        self._check_headers(fields, faults)
        self._read_numbers(fields, rows, faults, columns)
        _check_rules(layout, rows, faults, columns)
        stamp = layout.stamps[-1].column
        _mark(faults, columns, ~self.grid.holds(rows["local"]), Fault.GRID, stamp)
        timed = (faults == 0) | (faults == Fault.GRID)
        check_strides(rows["local"][timed], rows["line"][timed], self.grid)
        self._refuse(fields, faults, columns)
        good: Rows = rows[faults == 0]
        return good

    def _check_symbol(self, fields: Fields, faults: Faults, columns: NDArray[np.int16]) -> None:
        column = self.layout.symbol
        if column is None or self.symbol is None:
            return
        size = len(self.symbol)
        starts, ends = fields.starts[:, column], fields.ends[:, column]
        other = (ends - starts) != size
        reach = np.minimum(starts[:, None] + np.arange(size), fields.data.size - 1)
        other |= (fields.data[reach] != np.frombuffer(self.symbol, np.uint8)).any(axis=1)
        _mark(faults, columns, other, Fault.SYMBOL, column)

    def _read_times(self, fields: Fields, rows: Rows, faults: Faults, columns: NDArray[np.int16]) -> None:
        layout = self.layout
        rows["offset"] = NO_OFFSET
        for stamp in layout.stamps:
            local, offsets, fitted = parse_stamps(fields, stamp.column, stamp.form.templates)
            carried = offsets != NO_OFFSET
            rows["local"] += local + stamp.base_ms
            rows["offset"][carried] = offsets[carried]
            _mark(faults, columns, ~fitted, Fault.TIME, stamp.column)
        if layout.closing:
            rows["local"] = opens_of(rows["local"], self.grid.width_ms)
        _mark(faults, columns, rows["local"] <= 0, Fault.TIME, layout.stamps[0].column)

    def _read_numbers(self, fields: Fields, rows: Rows, faults: Faults, columns: NDArray[np.int16]) -> None:
        layout = self.layout
        for name, column in zip("ohlc", layout.prices.columns, strict=True):
            values, outcomes = parse_numbers(fields, column, layout.numbers)
            rows[name] = values if layout.divisor == 1 else values / layout.divisor
            _mark_text(fields, faults, columns, outcomes != GOOD, column)
        if layout.volume is not None:
            values, outcomes = parse_numbers(fields, layout.volume, layout.numbers)
            absent = outcomes == EMPTY
            if not layout.volume_gaps:  # then only a dash says that there is none
                absent &= fields.ends[:, layout.volume] > fields.starts[:, layout.volume]
            rows["v"] = np.where(absent, 0.0, values)
            if layout.second_volume is not None:
                rows["v"] += parse_numbers(fields, layout.second_volume, layout.numbers)[0]
            _mark_text(fields, faults, columns, (outcomes != GOOD) & ~absent, layout.volume)
        if layout.spread is not None:
            rows["spread"] = parse_numbers(fields, layout.spread, layout.numbers)[0]
        else:
            rows["spread"] = np.nan

    def _check_headers(self, fields: Fields, faults: Faults) -> None:
        """Stop where a header names other columns than the file's own: files of two kinds, one after the other."""
        if self.layout.header is None:
            return
        own = [normal(name) for name in self.layout.header]
        for row in np.flatnonzero((faults == Fault.TIME) | (faults == Fault.FIELDS))[:100].tolist():
            width = min(int(fields.counts[row]), self.layout.width)
            names = [fields.text(row, column) for column in range(width)]
            if is_header(names) and [normal(name) for name in names] != own[:width]:
                raise FormatError(
                    f"line {int(fields.lines[row])}", names, "names other columns than the header of the file",
                    "split the file there",
                )  # fmt: skip

    def _refuse(self, fields: Fields, faults: Faults, columns: NDArray[np.int16]) -> None:
        for code in np.unique(faults[faults != 0]).tolist():
            fault = Fault(code)
            found = np.flatnonzero(faults == code)
            shown = found[: max(self.tally.wants(fault), 0)].tolist()
            self.tally.add(fault, len(found), [self._refusal(fields, fault, row, int(columns[row])) for row in shown])

    def _refusal(self, fields: Fields, fault: Fault, row: int, column: int) -> Refusal:
        line = int(fields.lines[row])
        if fault is Fault.FIELDS:
            return Refusal(line, fault, "fields", str(int(fields.counts[row])))
        return Refusal(line, fault, self.layout.title(column), fields.text(row, column))


def _mark(faults: Faults, columns: NDArray[np.int16], bad: NDArray[np.bool_], fault: Fault, column: int) -> None:
    """Note a fault where none was found before."""
    new = bad & (faults == 0)
    if new.any():
        faults[new] = fault
        columns[new] = column


def _mark_text(fields: Fields, faults: Faults, columns: NDArray[np.int16], bad: NDArray[np.bool_], column: int) -> None:
    """Note what is no number; words for no value and for infinity are not finite, the rest is text."""
    new = np.flatnonzero(bad & (faults == 0))
    for row in new.tolist():
        word = fields.text(row, column).lower().lstrip("+-")
        faults[row] = Fault.NOT_FINITE if word in MISSING else Fault.TEXT
    columns[new] = column


def _check_rules(layout: Layout, rows: Rows, faults: Faults, columns: NDArray[np.int16]) -> None:
    o, h, low, c, v = (rows[name] for name in "ohlcv")
    named = dict(zip("ohlc", layout.prices.columns, strict=True))
    for name in "ohlc":
        _mark(faults, columns, ~np.isfinite(rows[name]), Fault.NOT_FINITE, named[name])
        _mark(faults, columns, ~(rows[name] > 0), Fault.NOT_POSITIVE, named[name])
    _mark(faults, columns, h < np.maximum(np.maximum(o, c), low), Fault.HIGH, named["h"])
    _mark(faults, columns, low > np.minimum(o, c), Fault.LOW, named["l"])
    if layout.volume is not None:
        _mark(faults, columns, ~np.isfinite(v), Fault.NOT_FINITE, layout.volume)
        _mark(faults, columns, v < 0, Fault.VOLUME, layout.volume)


def _without_lines(block: TextBlock, first_line: int) -> tuple[bytes, int]:
    """The block's text from ``first_line`` on."""
    at = 0
    for _ in range(first_line - block.first_line):
        at = block.text.find(b"\n", at) + 1
        if at == 0:
            return b"", first_line
    return block.text[at:], first_line
