"""What a user can say about a file that its content does not settle."""

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
        Zone of stamps that carry none (``producer.zones``); None is UTC.
    date_order
        ``dmy``, ``mdy`` or ``ymd``.
    decimal
        ``.`` or ``,``.
    columns
        One of ``ROLES`` for each column, from the left.
    """

    timeframe: str | None = None
    tz: str | None = None
    date_order: str | None = None
    decimal: str | None = None
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.date_order not in (None, "dmy", "mdy", "ymd"):
            raise InputError("date_order", self.date_order, "is no order of a date", "use dmy, mdy or ymd")
        if self.decimal not in (None, ".", ","):
            raise InputError("decimal", self.decimal, "is no decimal sign", "use . or ,")
        for role in self.columns or ():
            if role not in ROLES:
                raise InputError("columns", role, "is no kind of column", f"use {', '.join(ROLES)}")
        if self.columns is not None:
            missing = {"open", "high", "low", "close"} - set(self.columns)
            if missing or not {"time", "date"} & set(self.columns):
                raise InputError("columns", self.columns, "must name a time or date and the prices", "name them all")
