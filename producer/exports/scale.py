"""Prices in points: whole numbers that stand for decimal prices."""

import re
from dataclasses import dataclass, field

from producer.exports.dialect import Table
from producer.exports.header import normal
from producer.exports.prices import PriceColumns
from producer.exports.stamp_columns import StampColumn
from producer.exports.stamps import OF_DAY
from shared.errors import FormatError

_NANO = 1e9  # Databento's fixed point
_LEAN_POINTS = 10_000.0  # prices of shares in ten-thousandths of a dollar


@dataclass(frozen=True)
class Scale:
    """Points in a price of 1, and what to tell of them."""

    divisor: float = 1.0
    notes: list[str] = field(default_factory=list)


def find_scale(table: Table, prices: PriceColumns, stamps: tuple[StampColumn, ...], points: float | None) -> Scale:
    """Tell whether prices are in points: as the user says, or by the marks of a LEAN file of shares.

    Raises
    ------
    FormatError
        A LEAN file's whole numbers are no whole cents.
    """
    if points is not None:
        return Scale(points)
    texts = [text for column in prices.columns for text in table.column(column)]
    whole = all(re.fullmatch(r"\d+", text) for text in texts)
    if whole and _is_lean(table, stamps) and min(map(int, texts)) >= _LEAN_POINTS / 10:
        cents = sum(text.endswith("00") for text in texts)
        if cents < 0.9 * len(texts):
            raise FormatError(
                "prices", texts[0], "could be whole, or in ten-thousandths as LEAN keeps shares",
                "settle it with --points 1 or --points 10000",
            )  # fmt: skip
        return Scale(_LEAN_POINTS, ["prices are in ten-thousandths, as LEAN keeps shares (--points 1 if they are not)"])
    if whole and min(map(int, texts)) >= _NANO:
        if "tsevent" in {normal(name) for name in table.header or ()}:
            return Scale(_NANO, ["prices are in billionths, as Databento keeps them (--points 1 if they are not)"])
        raise FormatError(
            "prices", texts[0], "could be whole, or in billionths", "settle it with --points 1 or --points 1e9"
        )
    if all(re.fullmatch(r"\d{4,}(?:[.,]0*)?", text) for text in texts):
        return Scale(notes=["prices are whole numbers: if they are points, give --points (100000 for five digits)"])
    return Scale()


def _is_lean(table: Table, stamps: tuple[StampColumn, ...]) -> bool:
    forms = [template for stamp in stamps for template in stamp.form.templates]
    return table.header is None and table.dialect.delimiter == "," and forms in ([OF_DAY], ["%Y%m%d %H:%M"])
