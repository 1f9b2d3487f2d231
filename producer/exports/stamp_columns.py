"""Which columns hold time: one of stamps, or a date and a time of day."""

from dataclasses import dataclass

import numpy as np

from producer.exports import header
from producer.exports.dialect import Table
from producer.exports.fields import pack
from producer.exports.options import ReadOptions
from producer.exports.stamp_forms import StampForm, date_forms, settle_order, time_form
from producer.exports.stamps import Int64s, parse_stamps
from shared.errors import FormatError

_RANK = ("epoch", "datetime", "date")


@dataclass(frozen=True)
class StampColumn:
    """A column that holds all of a stamp, or its date, or its time of day."""

    column: int
    form: StampForm


def find_stamps(table: Table, names: tuple[str, ...], options: ReadOptions) -> tuple[StampColumn, ...]:
    """Find the columns of time.

    Named columns come before unnamed ones; a stamp that is whole before a date; a date takes the time of day beside it.

    Raises
    ------
    FormatError
        No column is a time, or the order of a date is not certain.
    """
    found: list[tuple[int, list[StampForm]]] = []
    for column in _candidates(table, names, options):
        forms = date_forms(table.column(column))
        if forms:
            found.append((column, forms))
        if forms and not any(names) and options.columns is None:
            break  # without names the leftmost column of time is it
    if not found:
        raise FormatError(
            "time", table.rows[0], "holds no column of dates or epochs in a known form",
            "settle it with --columns, e.g. time,open,high,low,close,volume (- for one to pass over)",
        )  # fmt: skip
    column, forms = min(found, key=lambda item: _rank(item[1]))
    form = settle_order(table.column(column), forms, options.date_order, names[column] or "time")
    clock = _clock(table, names, column, form, options)
    return (StampColumn(column, form), *([clock] if clock else []))


def _candidates(table: Table, names: tuple[str, ...], options: ReadOptions) -> list[int]:
    if options.columns is not None:
        return [k for k, role in enumerate(options.columns) if role in ("time", "date")]
    named = dict.fromkeys([*header.find(names, "moment"), *header.find(names, "date")])
    if named:
        return [*named]
    return [k for k in range(table.width) if not header.is_closing_time(names[k])]


def _rank(forms: list[StampForm]) -> int:
    return min(_RANK.index(form.kind) for form in forms)


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
        if clock is not None:
            return StampColumn(k, clock)
    return None


def _is_midnight(values: list[str], form: StampForm) -> bool:
    local, _, fitted = parse_stamps(pack(values), 0, form.templates)
    return bool((local[fitted] % 86_400_000 == 0).all())


def local_stamps(
    columns: list[tuple[StampColumn, list[str]]],
) -> tuple[Int64s, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Local ms (R,) of a sample's rows, and which rows could be read."""
    total: Int64s | None = None
    good = None
    for stamp, values in columns:
        local, _, fitted = parse_stamps(pack(values), 0, stamp.form.templates)
        total = local if total is None else total + local
        good = fitted if good is None else good & fitted
    assert total is not None
    assert good is not None
    return total, good
