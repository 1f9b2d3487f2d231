"""What a user can say about a file that its content does not settle."""

import re
from dataclasses import dataclass

from shared.errors import InputError

ROLES = ("time", "date", "clock", "open", "high", "low", "close", "volume", "spread", "symbol", "-")
"""Words of ``--columns``; ``clock`` is a time of day beside a date, ``-`` passes a column over."""


@dataclass(frozen=True)
class ReadOptions:
    """Answers given beforehand; None leaves the question to the content.

    Attributes
    ----------
    timeframe
        Name of the timeframe, such as ``M15``.
    tz
        Zone of stamps that carry none (``producer.zones``), or ``auto`` (``producer.weeks``); None is UTC.
    date_order
        ``dmy``, ``mdy`` or ``ymd``.
    decimal
        ``.`` or ``,``.
    columns
        One of ``ROLES`` for each column, from the left.
    date
        Day of stamps that are a time of day only, ``2013-10-07``.
    points
        Prices are in points, so many to a price of 1: 100000 for five digits.
    stamps
        ``open`` or ``close``: what of a candle its stamp tells; None is open, unless the column's name says close.
    member
        Which file of an archive, or table of a JSON document.
    """

    timeframe: str | None = None
    tz: str | None = None
    date_order: str | None = None
    decimal: str | None = None
    columns: tuple[str, ...] | None = None
    date: str | None = None
    points: float | None = None
    stamps: str | None = None
    member: str | None = None

    def __post_init__(self) -> None:
        if self.date_order not in (None, "dmy", "mdy", "ymd"):
            raise InputError("date_order", self.date_order, "is no order of a date", "use dmy, mdy or ymd")
        if self.decimal not in (None, ".", ","):
            raise InputError("decimal", self.decimal, "is no decimal sign", "use . or ,")
        if self.date is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", self.date):
            raise InputError("date", self.date, "is no date", "write it as 2013-10-07")
        if self.points is not None and not 1 <= self.points <= 1e9:
            raise InputError("points", self.points, "must be from 1 to 1e9", "give 100000 for prices of five digits")
        if self.stamps not in (None, "open", "close"):
            raise InputError("stamps", self.stamps, "is no end of a candle", "use open or close")
        for role in self.columns or ():
            if role not in ROLES:
                raise InputError("columns", role, "is no kind of column", f"use {', '.join(ROLES)}")
        if self.columns is not None:
            missing = {"open", "high", "low", "close"} - set(self.columns)
            if missing or not {"time", "date"} & set(self.columns):
                raise InputError("columns", self.columns, "must name a time or date and the prices", "name them all")
