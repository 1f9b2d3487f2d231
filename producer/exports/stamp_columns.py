"""Which columns hold time: one of stamps, or a date and a time of day."""

import re
from dataclasses import dataclass

import numpy as np

from producer.exports import header
from producer.exports.dialect import Table
from producer.exports.fields import pack
from producer.exports.options import ReadOptions
from producer.exports.stamp_forms import StampForm, date_forms, sample_stamps, serial_form, settle_order, time_form
from producer.exports.stamps import OF_DAY, Int64s, parse_stamps
from shared.errors import FormatError

_RANK = ("epoch", "datetime", "date")
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class StampColumn:
    """A column that holds all of a stamp, or its date, or its time of day; ``base_ms`` is added to it."""

    column: int
    form: StampForm
    base_ms: int = 0


def find_stamps(table: Table, names: tuple[str, ...], options: ReadOptions, file_name: str) -> tuple[StampColumn, ...]:
    """Find the columns of time.

    Named columns come before unnamed ones; a stamp that is whole before a date; the begin of a candle before its end; a
    date takes the time of day beside it. A time of day alone takes the date in the name of the file.

    Raises
    ------
    FormatError
        No column is a time, or the order of a date is not certain.
    """
    found = _readable(table, names, options)
    if not found:
        return (_dated(table, names, options, file_name),)
    column, forms = min(
        found,
        key=lambda item: (
            _steadiness(table.column(item[0]), item[1]),
            _rank(item[1]),
            not header.names_utc(names[item[0]]),
        ),
    )
    form = settle_order(table.column(column), forms, options.date_order, names[column] or "time")
    clock = _clock(table, names, column, form, options)
    return (StampColumn(column, form), *([clock] if clock else []))


def _readable(table: Table, names: tuple[str, ...], options: ReadOptions) -> list[tuple[int, list[StampForm]]]:
    """Columns that can be stamps, and their forms: the first group of ``_groups`` that has any.

    Where the stamps of the first group are no opens of candles (times of the last trade, say), the next comes too.
    """
    found: list[tuple[int, list[StampForm]]] = []
    for group in _groups(table, names, options):
        for column in group:
            forms = _forms(table, names, column, options)
            if forms:
                found.append((column, forms))
            if forms and not any(names) and options.columns is None:
                return found  # without names the leftmost column of time is it
        if any(_steadiness(table.column(column), forms) == 0 for column, forms in found):
            break
    return found


def _groups(table: Table, names: tuple[str, ...], options: ReadOptions) -> list[list[int]]:
    """Columns to look for stamps in: those the user names, or those named so, the others, those named as closes."""
    if options.columns is not None:
        return [[k for k, role in enumerate(options.columns) if role in ("time", "date")]]
    closing = [k for k in range(table.width) if header.is_closing_time(names[k])]
    named = [k for k in dict.fromkeys([*header.find(names, "moment"), *header.find(names, "date")]) if k not in closing]
    return [named, [k for k in range(table.width) if k not in named and k not in closing], closing]


def _forms(table: Table, names: tuple[str, ...], column: int, options: ReadOptions) -> list[StampForm]:
    values = table.column(column)
    forms = date_forms(values)
    if not forms and (names[column] or column == 0 or options.columns is not None):
        serial = serial_form(values)
        return [serial] if serial else []
    return forms


def _steadiness(values: list[str], forms: list[StampForm]) -> int:
    """0 for stamps that run one way on whole minutes, 1 for ones that run one way, 2 for others."""
    ranks = []
    for form in forms:
        stamps = sample_stamps(values, form)
        steps = np.sign(np.diff(stamps))
        steps = steps[steps != 0]
        one_way = not steps.size or max((steps > 0).mean(), (steps < 0).mean()) > 0.9
        whole = (stamps % 60_000 == 0).mean() > 0.9
        ranks.append(2 if not one_way else 0 if whole else 1)
    return min(ranks)


def _rank(forms: list[StampForm]) -> int:
    return min(_RANK.index(form.kind) for form in forms)


def _dated(table: Table, names: tuple[str, ...], options: ReadOptions, file_name: str) -> StampColumn:
    """A column of times of day, whose date stands in the name of the file or is given."""
    named = [k for k in header.find(names, "clock") if time_form(table.column(k))]
    column = (named or [0])[0]
    values = table.column(column)
    form = time_form(values)
    if _counts_day(values):
        form = StampForm("time", "", (OF_DAY,))
    if form is None:
        raise FormatError(
            "time", table.rows[0], "holds no column of dates or epochs in a known form",
            "settle it with --columns, e.g. time,open,high,low,close,volume (- for one to pass over)",
        )  # fmt: skip
    match = re.search(r"(?<!\d)((?:19|20)\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?!\d)", options.date or file_name)
    day = int(parse_stamps(pack(["".join(match.groups())]), 0, ("%Y%m%d",))[0][0]) if match else 0
    if day <= 0:
        raise FormatError(
            "time", values[0], "is a time of day, and neither the rows nor the name of the file hold a date",
            "settle it with --date, e.g. --date 2013-10-07",
        )  # fmt: skip
    return StampColumn(column, form, day)


def _counts_day(values: list[str]) -> bool:
    """Whether whole numbers are milliseconds of the day: round seconds that only grow, too many for hours."""
    if not all(re.fullmatch(r"\d{1,8}", value) for value in values):
        return False
    counts = np.array([int(value) for value in values])
    return bool(
        (counts < _DAY_MS).all() and (counts % 1000 == 0).all() and (np.diff(counts) > 0).all() and counts[-1] > 235_959
    )


def _clock(
    table: Table, names: tuple[str, ...], column: int, form: StampForm, options: ReadOptions
) -> StampColumn | None:
    """The time of day that completes a date, or a stamp that is midnight throughout."""
    if form.kind == "epoch" or (form.kind == "datetime" and not _is_midnight(table.column(column), form)):
        return None
    if options.columns is not None:
        beside = [k for k, role in enumerate(options.columns) if role == "clock"]
    elif any(names):
        beside = [k for k in (*header.find(names, "clock"), *header.find(names, "moment")) if k != column]
        if not beside and column + 1 < table.width and all(":" in text for text in table.column(column + 1)):
            beside = [column + 1]  # whatever its name
    else:
        beside = [column + 1]
    for k in beside:
        clock = time_form(table.column(k)) if k < table.width else None
        if clock is not None and (any(names) or _is_clock(table.column(column), table.column(k))):
            return StampColumn(k, clock)
    return None


def _is_clock(dates: list[str], values: list[str]) -> bool:
    """Whether nameless digits beside a date can be its time of day: prices of 1120 would pass for 11:20."""
    if any(":" in value for value in values) or (len({*values}) == 1 and "." not in values[0]):
        return True
    return len({*dates}) < 0.7 * len(dates)


def _is_midnight(values: list[str], form: StampForm) -> bool:
    local, _, fitted = parse_stamps(pack(values), 0, form.templates)
    return bool((local[fitted] % _DAY_MS == 0).all())


def local_stamps(
    columns: list[tuple[StampColumn, list[str]]],
) -> tuple[Int64s, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Local ms (R,) of a sample's rows, and which rows could be read."""
    total: Int64s | None = None
    good = None
    for stamp, values in columns:
        local, _, fitted = parse_stamps(pack(values), 0, stamp.form.templates)
        local = local + stamp.base_ms
        total = local if total is None else total + local
        good = fitted if good is None else good & fitted
    assert total is not None
    assert good is not None
    return total, good
