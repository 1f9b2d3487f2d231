"""The layout of an export: which column holds what, and how it is spelled."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producer.exports import header
from producer.exports.dialect import Dialect, Table, is_number, number_form, tables
from producer.exports.fields import pack
from producer.exports.names import format_name
from producer.exports.numbers import NumberForm, parse_numbers
from producer.exports.options import ReadOptions
from producer.exports.prices import PriceColumns, check_named, find_prices
from producer.exports.scale import find_scale
from producer.exports.stamp_columns import StampColumn, find_stamps, local_stamps
from producer.exports.stamp_ends import closing_notes, stamps_close
from producer.exports.text_blocks import TextFile
from producer.exports.volumes import volume_column, volume_notes
from shared.errors import FormatError

Floats = NDArray[np.float64]


class Sampled(NamedTuple):
    """The sample's rows as numbers."""

    times: NDArray[np.int64]  # (R,) local ms
    numbers: Floats  # (R, columns)


@dataclass(frozen=True)
class Layout:
    """How to read a file's rows.

    Attributes
    ----------
    stamps
        One column of stamps, or a date and a time of day.
    volume, second_volume, spread, symbol
        Columns, where there are any; volumes of rises and of falls are added up.
    volume_gaps
        Whether an empty volume is usual here (then it counts as 0).
    descending
        Whether the newest row comes first.
    decimals
        Most decimals seen in a price, points undone.
    divisor
        What prices are divided by: points in a price of 1.
    closing
        Whether stamps tell when candles close.
    notes
        What a person should know of what was found.
    times
        Local ms of the sample's rows in file order: the head, then excerpts from later.
    """

    name: str
    encoding: str
    dialect: Dialect
    header: tuple[str, ...] | None
    first_line: int
    width: int
    stamps: tuple[StampColumn, ...]
    numbers: NumberForm
    prices: PriceColumns
    volume: int | None
    second_volume: int | None
    volume_gaps: bool
    spread: int | None
    symbol: int | None
    symbol_text: str | None
    descending: bool
    decimals: int
    times: NDArray[np.int64]
    divisor: float = 1.0
    closing: bool = False
    wrapped: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def title(self, column: int) -> str:
        """Name of a column in reports."""
        if self.header is not None and self.header[column]:
            return self.header[column].strip("<>").lower()
        named = dict(zip(self.prices.columns, ("open", "high", "low", "close"), strict=True))
        named |= {stamp.column: "time" for stamp in self.stamps}
        return named.get(column, "volume" if column == self.volume else f"column {column + 1}")


def recognise(file: TextFile, options: ReadOptions) -> Layout:
    """Tell the layout of a file from its first lines, its middle and its end.

    Raises
    ------
    FormatError
        It is not certain; the error names the candidates and the option that settles it.
    """
    failure: FormatError | None = None
    for table in tables(file.head(), file.later()):
        try:
            return _layout(file, table, options)
        except FormatError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _layout(file: TextFile, table: Table, options: ReadOptions) -> Layout:
    names = table.header or ("",) * table.width
    if options.columns is not None and len(options.columns) != table.width:
        raise FormatError(
            "columns",
            options.columns,
            f"must name {table.width} columns",
            "name each, - for one to pass over",
        )
    stamps = find_stamps(table, names, options, file.contents.name)
    taken = {stamp.column for stamp in stamps}
    spelled = [text for k in range(table.width) if k not in taken for text in table.column(k) if is_number(text)]
    form = number_form(spelled, options.decimal)
    times, good = local_stamps([(stamp, table.column(stamp.column)) for stamp in stamps])
    sampled = Sampled(times, _numbers(table, form))
    prices = _prices(sampled, names, taken, options)
    _refuse_untimed(sampled, prices, stamps)
    spread = _named(options, "spread", header.find(names, "spread"))
    symbol, symbol_text = _symbol(table, names, options)
    others = taken | {*prices.columns} | {k for k in (spread, symbol) if k is not None}
    volume = volume_column(sampled.numbers, names, others, prices, options)
    second_volume = None
    halves = header.find_halves(names)
    if options.columns is None and volume in (None, *halves):
        volume, second_volume = halves if halves[0] is not None else (volume, None)
    steps = np.sign(np.diff(times[good]))
    scale = find_scale(table, prices, stamps, options.points)
    closing = stamps_close(table, names, stamps, times[good], options)
    return Layout(
        name=format_name(table, stamps, prices, file.contents.wrapped),
        encoding=file.encoding,
        dialect=table.dialect,
        header=table.header,
        first_line=table.first_line,
        width=table.width,
        stamps=stamps,
        numbers=form,
        prices=prices,
        volume=volume,
        second_volume=second_volume,
        volume_gaps=volume is not None and table.column(volume).count("") > 0.05 * len(table.rows),
        spread=spread,
        symbol=symbol,
        symbol_text=symbol_text,
        descending=bool((steps < 0).sum() > 0.9 * max((steps != 0).sum(), 1)),
        decimals=_decimals(table, prices, form) + round(np.log10(scale.divisor)),
        times=times[good],
        divisor=scale.divisor,
        closing=closing,
        wrapped=file.contents.wrapped,
        notes=[
            *scale.notes,
            *volume_notes(sampled.numbers, names, others, volume),
            *closing_notes(names, closing, times[good], options),
        ],
    )


def _numbers(table: Table, form: NumberForm) -> Floats:
    columns = [parse_numbers(pack(table.column(k)), 0, form)[0] for k in range(table.width)]
    return np.stack(columns, axis=1)


def _named(options: ReadOptions, role: str, found: list[int]) -> int | None:
    """Column of a role: as the user says, else by its name."""
    if options.columns is not None:
        return options.columns.index(role) if role in options.columns else None
    return found[0] if found else None


def _prices(sampled: Sampled, names: tuple[str, ...], taken: set[int], options: ReadOptions) -> PriceColumns:
    roles = ("open", "high", "low", "close")
    if options.columns is not None:
        chosen = PriceColumns(*(options.columns.index(role) for role in roles))
        check_named(sampled.numbers[:, chosen.columns], options.columns)
        return chosen
    share = np.mean(np.isfinite(sampled.numbers), axis=0)
    found = [_priced(sampled, names, role, taken) for role in roles]
    if all(k is not None for k in found):
        named = PriceColumns(*(k for k in found if k is not None))
        check_named(sampled.numbers[:, named.columns], names)
        return named
    _refuse_markets_side_by_side(names)
    candidates = [k for k in range(len(names)) if k not in taken and share[k] > 0.9]
    prices = find_prices(sampled.numbers, candidates, sampled.times)
    for role, name, column in zip(roles, found, prices.columns, strict=True):
        if name not in (None, column):
            raise FormatError(
                "header", names[name or 0], f"is named as {role}, but the numbers make column {column + 1} that",
                "settle the columns with --columns, e.g. time,open,high,low,close,volume (- for one to pass over)",
            )  # fmt: skip
    return prices


def _refuse_markets_side_by_side(names: tuple[str, ...]) -> None:
    """Refuse columns such as ``EURUSD_open ... GBPUSD_open ...``: the first ones are as good as the others."""
    markets = header.markets(names)
    if len(markets) > 1:
        raise FormatError(
            "header", markets, "are markets side by side, each with prices of its own",
            "split the file, or settle it with --columns, e.g. time,open,high,low,close,volume (- passes over)",
        )  # fmt: skip


def _priced(sampled: Sampled, names: tuple[str, ...], role: str, taken: set[int]) -> int | None:
    """The column named as a price; several of one name must agree."""
    found = [k for k in header.find(names, role) if k not in taken and np.isfinite(sampled.numbers[:, k]).any()]
    if not found:
        return None
    small = [k for k in found if names[k].islower() and len(names[k]) == 1]
    found = small if small and len({names[k].lower() for k in found}) == 1 else found  # l is low, L is not
    plain = header.plain_names(names)
    for rival in found[1:]:
        alike = plain[rival] == plain[found[0]]
        if alike and not np.array_equal(sampled.numbers[:, rival], sampled.numbers[:, found[0]], equal_nan=True):
            raise FormatError(
                "header", names[rival], f"stands over columns {found[0] + 1} and {rival + 1}, which differ",
                "settle the columns with --columns, e.g. time,open,high,low,close,volume (- for one to pass over)",
            )  # fmt: skip
    return found[0]


def _refuse_untimed(sampled: Sampled, prices: PriceColumns, stamps: tuple[StampColumn, ...]) -> None:
    """Refuse stamps that lack the time of day: neighbours repeat them with other prices."""
    times = sampled.times
    same = np.diff(times) == 0
    window = sampled.numbers[:, prices.columns]
    other = (window[1:] != window[:-1]).any(axis=1)
    repeats = int((same & other).sum())
    if repeats > 0.1 * len(times):
        templates = " ".join(stamp.form.templates[0] for stamp in stamps)
        raise FormatError(
            "time", templates, f"repeats in {repeats} of {len(times)} sampled rows while the prices change",
            "export the file with the time of day, one symbol a file",
        )  # fmt: skip


def _symbol(table: Table, names: tuple[str, ...], options: ReadOptions) -> tuple[int, str] | tuple[None, None]:
    """The column of symbols and the file's one; a stray row of another is refused later."""
    column = _named(options, "symbol", header.find(names, "symbol"))
    if column is None:
        return None, None
    (symbol, count), *others = Counter(table.column(column)).most_common(5)
    if count < 0.99 * len(table.rows):
        found = [symbol, *(other for other, _ in others)]
        raise FormatError("symbol", found, "are several symbols in one file", "split the file, one symbol each")
    return column, symbol


def _decimals(table: Table, prices: PriceColumns, form: NumberForm) -> int:
    texts = [text for k in prices.columns for text in table.column(k)]
    return max((len(text.partition(form.decimal)[2]) for text in texts if is_number(text)), default=0)
