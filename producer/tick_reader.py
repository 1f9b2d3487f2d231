# mypy: allow-untyped-decorators
"""Ticks out of blocks of text: when, at which price, how much."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from producer.exports.faults import Fault, Refusal, Tally
from producer.exports.fields import Fields, cut_fields
from producer.exports.numbers import EMPTY, GOOD, parse_numbers
from producer.exports.stamps import NO_OFFSET, parse_stamps
from producer.exports.text_blocks import TextBlock
from producer.tick_layout import TickLayout
from producer.zones import Zone

_BACK_MS = 1_800_000  # a repeated hour begins anew where the clock runs back by more

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass
class Counts:
    """What became of the ticks: rows = ticks + late + unpriced, refused ones on top.

    ``late`` came after a later candle had begun; ``unpriced`` came before the first price, or are no trade where
    candles are made of trades; ``partial`` is 1 where the first candle was left out.
    """

    rows: int = 0
    ticks: int = 0
    late: int = 0
    unpriced: int = 0
    partial: int = 0


class TickReader:
    """Ticks out of blocks of text, with what later blocks need to know of earlier ones."""

    def __init__(self, price: str, zone: Zone, tally: Tally, counts: Counts) -> None:
        self._price, self._zone = price, zone
        self._tally, self._counts = tally, counts
        self._last: dict[str, float] = {"bid": np.nan, "ask": np.nan}
        self._local = 0  # the newest stamp
        self._second_pass = False  # of an hour that the clock shows twice

    def read(self, block: TextBlock, layout: TickLayout) -> tuple[Int64s, Floats]:
        """(N,) UTC ms and (N, 5) open, high, low, close, volume of the block's ticks."""
        text = block.text
        if block.first_line < layout.first_line:
            skipped = layout.first_line - block.first_line
            text = b"\n".join(text.split(b"\n", skipped)[skipped:])
        begin = max(block.first_line, layout.first_line)
        fields = cut_fields(text, begin, layout.dialect.delimiter, layout.width, wrapped=layout.dialect.wrapped)
        good = _whole(fields, layout)
        self._refuse(fields, ~good, Fault.FIELDS, 0)
        utc, timed = self._times(fields, layout, good)
        prices, volumes, priced = self._prices(fields, layout, timed)
        self._counts.rows += int(priced.sum())
        known = priced & np.isfinite(prices)
        self._counts.unpriced += int((priced & ~known).sum())
        price = prices[known]
        return utc[known], np.stack([price, price, price, price, volumes[known]], axis=1)

    def _times(self, fields: Fields, layout: TickLayout, good: Mask) -> tuple[Int64s, Mask]:
        local = np.zeros(fields.lines.size, np.int64)
        offset = np.full(fields.lines.size, NO_OFFSET, np.int64)
        for stamp in layout.stamps:
            part, own, fitted = parse_stamps(fields, stamp.column, stamp.form.templates)
            self._refuse(fields, good & ~fitted, Fault.TIME, stamp.column)
            good = good & fitted
            local += part
            offset[own != NO_OFFSET] = own[own != NO_OFFSET]
        utc = local - offset
        unplaced = np.flatnonzero(good & (offset == NO_OFFSET))
        if unplaced.size:
            utc[unplaced], shown = self._settle(local[unplaced])
            never = np.zeros(len(good), np.bool_)
            never[unplaced[~shown]] = True
            self._refuse(fields, never, Fault.NONEXISTENT, layout.stamps[0].column)
            good = good & ~never
        return utc, good

    def _settle(self, local: Int64s) -> tuple[Int64s, Mask]:
        """UTC of local stamps, and whether the clock shows them at all; a repeated hour is told apart by order."""
        readings = self._zone.readings(local)
        twice = (readings.later != readings.earlier) & ~readings.skipped
        second = np.zeros(len(local), np.bool_)
        self._local, self._second_pass = _second_passes(local, twice, self._local, self._second_pass, second)
        return np.where(second, readings.later, readings.earlier), ~readings.skipped

    def _prices(self, fields: Fields, layout: TickLayout, good: Mask) -> tuple[Floats, Floats, Mask]:
        """Prices (R,), NaN where there is none yet, volumes (R,), and which rows are sound."""
        if self._price == "trades":
            assert layout.price is not None
            prices, good = self._column(fields, layout, layout.price, good)
            if layout.volume is None:
                return prices, np.ones(len(prices)), good
            volumes, good = self._column(fields, layout, layout.volume, good, is_price=False)
            return prices, np.nan_to_num(volumes), good
        sides = ("bid", "ask") if self._price == "mid" else (self._price,)
        found = []
        for side in sides:
            column = getattr(layout, side)
            values, good = self._column(fields, layout, column, good)
            found.append((side, values))
        carried = [self._carry(side, np.where(good, values, np.nan)) for side, values in found]
        return np.mean(carried, axis=0), np.ones(len(good)), good

    def _column(
        self, fields: Fields, layout: TickLayout, column: int, good: Mask, *, is_price: bool = True
    ) -> tuple[Floats, Mask]:
        """Values of a column, NaN where there is none, and which rows are still sound."""
        values, outcomes = parse_numbers(fields, column, layout.numbers)
        absent = outcomes == EMPTY
        if is_price and layout.zero_is_none:
            absent |= values == 0
        faults = {
            Fault.TEXT: (outcomes != GOOD) & ~absent,
            Fault.NOT_POSITIVE if is_price else Fault.VOLUME: ~absent & ((values <= 0) if is_price else (values < 0)),
        }
        for fault, bad in faults.items():
            self._refuse(fields, good & bad, fault, column)
            good = good & ~bad
        return np.where(absent, np.nan, values), good

    def _carry(self, side: str, values: Floats) -> Floats:
        """Fill what is empty with the newest before it, in this block or an earlier one."""
        known = np.concatenate([[self._last[side]], values])
        newest = np.maximum.accumulate(np.where(np.isfinite(known), np.arange(known.size), 0))
        filled = known[newest]
        self._last[side] = float(filled[-1])
        return np.asarray(filled[1:])

    def _refuse(self, fields: Fields, bad: Mask, fault: Fault, column: int) -> None:
        found = np.flatnonzero(bad)
        if found.size:
            shown = found[: max(self._tally.wants(fault), 0)].tolist()
            told = [Refusal(int(fields.lines[row]), fault, str(column + 1), fields.text(row, column)) for row in shown]
            self._tally.add(fault, len(found), told)


@njit(cache=True)
def _second_passes(
    local: Int64s, twice: Mask, last: int, second: bool, out: Mask
) -> tuple[int, bool]:  # pragma: no cover - compiled
    """Mark stamps of a repeated hour after the clock has run back in it; what the next block needs is returned."""
    for at in range(local.size):
        if not twice[at]:
            second = False
        elif local[at] < last - _BACK_MS:
            second = True
        out[at] = second
        last = local[at]
    return last, second


def _whole(fields: Fields, layout: TickLayout) -> Mask:
    """Which rows have all their fields; an empty one at the end is not counted by the cutter."""
    last = np.maximum(fields.counts - 1, 0)
    ends = fields.ends[np.arange(len(last)), np.minimum(last, layout.width - 1)]
    delimiter = ord(layout.dialect.delimiter)
    trailing = fields.data[np.minimum(ends, fields.data.size - 1)] == delimiter
    return np.asarray((fields.counts == layout.width) | ((fields.counts == layout.width - 1) & trailing))
