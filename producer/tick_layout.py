"""What a file of ticks is: which columns hold the time and the prices, recognised from its content."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from producer.exports.dialect import Dialect, is_number, number_form
from producer.exports.header import normal
from producer.exports.numbers import NumberForm
from producer.exports.options import ReadOptions
from producer.exports.stamp_columns import StampColumn
from producer.exports.stamp_forms import date_forms, settle_order, time_form
from producer.exports.text_blocks import TextFile
from shared.errors import FormatError, InputError

ROLES = ("time", "date", "clock", "bid", "ask", "price", "volume", "-")
"""Words of ``--columns`` for ticks; ``price`` is that of a trade."""

_DELIMITERS = ("\t", ";", "|", ",", " ")
_WORDS: dict[str, tuple[str, ...]] = {
    "date": ("date", "day", "tradedate"),
    "clock": ("time", "clock", "timeofday"),
    "time": (
        "time", "timestamp", "ts", "datetime", "gmttime", "localtime", "utctime", "timeutc", "dateandtime", "moment",
        "transacttime", "tradetime", "timemsc", "timems", "epoch", "unix", "date", "ratedatetime", "eventtime",
    ),
    "bid": ("bid", "bidprice", "ratebid"),
    "ask": ("ask", "askprice", "offer", "rateask"),
    "price": ("last", "price", "lastprice", "tradeprice", "rate", "p"),
    "volume": ("volume", "vol", "qty", "quantity", "size", "amount", "baseqty", "lastsize", "v", "q"),
}  # fmt: skip
_BOOLEANS = frozenset({"true", "false"})
_NEAR = 0.05
"""Bid and ask are hardly ever further apart; a price and a volume hardly ever this close row after row."""


@dataclass(frozen=True)
class TickLayout:
    """Which columns of a file of ticks hold what; None where there is none.

    ``zero_is_none``: a price of 0 says that there is none, as in quotes.
    """

    dialect: Dialect
    first_line: int
    width: int
    stamps: tuple[StampColumn, ...]
    bid: int | None
    ask: int | None
    price: int | None
    volume: int | None
    numbers: NumberForm
    zero_is_none: bool

    @property
    def priced(self) -> list[str]:
        """What candles can be made of, the likeliest first."""
        sides = ["bid", "ask"] if self.bid is not None and self.ask is not None else []
        one = [side for side in ("bid", "ask") if getattr(self, side) is not None and not sides]
        quotes = [*sides, "mid"] if sides else one
        return [*quotes, "trades"] if self.price is not None and quotes else quotes or ["trades"]


def recognise_ticks(file: TextFile, options: ReadOptions, columns: tuple[str, ...] | None) -> TickLayout:
    """Recognise a file of ticks.

    Raises
    ------
    InputError
        ``columns`` holds a word that is none of ``ROLES``.
    FormatError
        The columns are not certain; the error says what settles them.
    """
    for role in columns or ():
        if role not in ROLES:
            raise InputError("columns", role, "is no kind of column of ticks", f"use {', '.join(ROLES)}")
    head = file.head()
    for delimiter in _DELIMITERS:
        dialect = Dialect(delimiter, wrapped=False)
        lines = [(number, dialect.split(line)) for number, line in enumerate(head, 1) if line.strip()]
        rows = [(number, row) for number, row in lines if _is_row(row)]
        if len(rows) >= max(1, 0.8 * (len(lines) - 2)):
            width = Counter(len(row) for _, row in rows).most_common(1)[0][0]
            sample = [row for _, row in rows if len(row) == width]
            names = next((row for number, row in lines if number < rows[0][0] and len(row) >= width), [])
            roles = columns or _named(names[:width], sample) or _unnamed(sample)
            return _layout(dialect, rows[0][0], sample, roles, options)
    raise FormatError("file", head[0] if head else "", "has no rows of a time and a price", "say --columns time,price")


def _is_row(row: list[str]) -> bool:
    """Whether a line holds a time and a price: several fields that begin with a digit, few words."""
    return sum(bool(re.match(r"[-+]?[\d.]", text)) for text in row) >= 2


def _named(names: list[str], sample: list[list[str]]) -> tuple[str, ...] | None:
    """Roles by the names of the columns; None where they name no time or no price."""
    plain = [normal(name) for name in names]
    roles = ["-"] * len(sample[0])
    for role in ("bid", "ask", "price", "volume"):
        found = [k for k, name in enumerate(plain) if name in _WORDS[role]]
        if found:
            roles[found[0]] = role
    dates = [k for k, name in enumerate(plain) if name in _WORDS["date"]]
    clocks = [k for k, name in enumerate(plain) if name in _WORDS["clock"] and time_form([r[k] for r in sample])]
    if dates and clocks:
        roles[dates[0]], roles[clocks[0]] = "date", "clock"
    else:
        moments = [k for k, name in enumerate(plain) if name in _WORDS["time"]]
        if moments:
            roles[moments[0]] = "time"
    timed = "time" in roles or "date" in roles
    return tuple(roles) if timed and {"bid", "ask", "price"} & set(roles) else None


def _unnamed(sample: list[list[str]]) -> tuple[str, ...]:
    """Roles by what the columns hold."""
    columns = [[row[k] for row in sample] for k in range(len(sample[0]))]
    roles = ["-"] * len(columns)
    booleans = [k for k, texts in enumerate(columns) if {text.lower() for text in texts} <= _BOOLEANS]
    if booleans and booleans[0] >= 4:  # trades of Binance: id, price, quantity, ..., time, who made it
        roles[1], roles[2], roles[booleans[0] - 1] = "price", "volume", "time"
        return tuple(roles)
    stamp = next((k for k, texts in enumerate(columns) if date_forms(texts)), None)
    if stamp is None:
        raise _uncertain(sample, "holds no column of dates or epochs in a known form")
    after = stamp + 1
    if date_forms(columns[stamp])[0].kind == "date":
        if after >= len(columns) or time_form(columns[after]) is None:
            raise _uncertain(sample, "holds dates without a time of day")
        roles[stamp], roles[after] = "date", "clock"
        after += 1
    else:
        roles[stamp] = "time"
    numbers = [k for k in range(after, len(columns)) if all(not text or is_number(text) for text in columns[k])]
    if not numbers:
        raise _uncertain(sample, "holds no column of prices after the time")
    _give_prices(roles, columns, numbers)
    return tuple(roles)


def _give_prices(roles: list[str], columns: list[list[str]], numbers: list[int]) -> None:
    """Two near columns are bid and ask, the lower one the bid; else they are a trade's price and volume."""
    first, second = numbers[0], numbers[1] if len(numbers) > 1 else None
    roles[first] = "price"
    if second is None:
        return
    pairs = [pair for pair in zip(columns[first], columns[second], strict=True) if all(pair)]
    left, right = np.array([[float(text.replace(",", ".")) for text in pair] for pair in pairs]).reshape(-1, 2).T
    near = np.abs(left - right) <= _NEAR * np.maximum(np.abs(left), np.abs(right))
    if near.size and near.mean() >= 0.95:
        lower, upper = (first, second) if np.median(left - right) <= 0 else (second, first)
        roles[lower], roles[upper] = "bid", "ask"
    elif near.size and near.mean() <= 0.05:
        roles[second] = "volume"
    else:
        raise _uncertain([[column[0] for column in columns]], "may hold bid and ask, or a price and a volume")


def _layout(
    dialect: Dialect, first_line: int, sample: list[list[str]], roles: tuple[str, ...], options: ReadOptions
) -> TickLayout:
    width = len(sample[0])
    place = {role: roles.index(role) for role in ROLES if role in roles and role != "-" and roles.index(role) < width}
    when = place.get("time", place.get("date"))
    if when is None or not {"bid", "ask", "price"} & set(place):
        raise InputError("columns", roles, "must name a time or date and a price", "name them all")
    texts = [row[when] for row in sample]
    forms = date_forms(texts)
    if not forms:
        raise _uncertain(sample, f"holds no time in a known form in column {when + 1}")
    stamps = [StampColumn(when, settle_order(texts, forms, options.date_order, "time"))]
    if "clock" in place and "time" not in place:
        clock = time_form([row[place["clock"]] for row in sample])
        if clock is None:
            raise _uncertain(sample, f"holds no time of day in a known form in column {place['clock'] + 1}")
        stamps.append(StampColumn(place["clock"], clock))
    elif stamps[0].form.kind == "date":
        raise _uncertain(sample, "holds dates without a time of day")
    quoted = "bid" in place or "ask" in place
    bid, ask, price, volume = (place.get(role) for role in ("bid", "ask", "price", "volume"))
    values = [row[k] for row in sample for k in (bid, ask, price, volume) if k is not None and row[k]]
    numbers = number_form(values, options.decimal)
    return TickLayout(dialect, first_line, width, tuple(stamps), bid, ask, price, volume, numbers, zero_is_none=quoted)


def _uncertain(sample: list[list[str]], rule: str) -> FormatError:
    return FormatError(
        "file",
        sample[0],
        rule,
        f"settle it with --columns, e.g. time,bid,ask or -,price,volume,time ({' '.join(ROLES)})",
    )
