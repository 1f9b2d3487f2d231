"""How a file separates fields and spells numbers, and the table that a sample of it makes."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from producer.exports.header import is_header
from producer.exports.numbers import NumberForm
from shared.errors import FormatError

_DELIMITERS = ("\t", ";", "|", ",", " ")
_NUMBER = re.compile(
    r"[-+]?[$€£¥₹₩₽]? ?(?:\d+|\d{1,3}(?:[,. ']\d{3})+|\d{1,2}(?:,\d\d)*,\d{3})(?:[.,]\d*)?(?:[eE][-+]?\d+)?"
    r"[KMBTkmbt%]?(?: ?[$€£¥₹₩₽])?|[-+]?[.,]\d+"
)
_LEAST_COLUMNS = 5  # a time and four prices
_THOUSANDS = re.compile(r"[-+]?[$€£¥₹₩₽]? ?\d{1,3}(?:,\d{2,3})*,\d{3}[KMBTkmbt%]?(?: ?[$€£¥₹₩₽])?")
MISSING = frozenset({"nan", "inf", "infinity", "null", "none", "na", "n/a", "#n/a"})
"""Words for no number, without sign and in small letters."""
_NAMES = {"\t": "tab", " ": "space"}


@dataclass(frozen=True)
class Dialect:
    """How lines become fields. ``wrapped``: each line as a whole stands in quotes."""

    delimiter: str
    wrapped: bool

    @property
    def delimiter_name(self) -> str:
        """The delimiter as people write it."""
        return _NAMES.get(self.delimiter, self.delimiter)

    def split(self, line: str) -> list[str]:
        """Fields of one line, without spaces and quotes around them."""
        line = line.strip(" \r\n")
        if self.wrapped and len(line) >= 2 and line[0] == line[-1] == '"':
            line = line[1:-1]
        if self.delimiter == " ":
            return line.split()
        try:
            row = next(csv.reader([line.replace("\r", " ")], delimiter=self.delimiter, skipinitialspace=True), [])
        except csv.Error:  # a field beyond all measure
            return [line]
        return [field.strip() for field in row]


@dataclass(frozen=True)
class Table:
    """Rows of a sample that have the file's usual number of fields.

    ``header`` is None where no line before the first row names columns; ``first_line`` is the line that rows begin at.
    """

    dialect: Dialect
    header: tuple[str, ...] | None
    first_line: int
    rows: list[list[str]]

    @property
    def width(self) -> int:
        """Fields of a row."""
        return len(self.rows[0])

    def column(self, index: int) -> list[str]:
        """Texts of one column."""
        return [row[index] for row in self.rows]


def is_number(text: str) -> bool:
    """Whether a text looks like a number in any country's spelling."""
    return _NUMBER.fullmatch(text) is not None


def tables(head: list[str], later: list[list[str]]) -> Iterator[Table]:
    """Make a table of the sample under each delimiter that gives one; the likeliest delimiter first.

    Raises
    ------
    FormatError
        No delimiter gives rows of a time and four prices.
    """
    found = False
    wrapped = _is_wrapped(head)
    for delimiter in _DELIMITERS:
        dialect = Dialect(delimiter, wrapped)
        table = _table(dialect, head, later)
        if table is not None:
            found = True
            yield table
    if not found:
        shown = next((line for line in head if line.strip()), "")
        if re.match(r"\s*<(?:!doctype html|html|head|body|table)\b", shown, re.IGNORECASE):
            raise FormatError(
                "file", shown, "is a page of HTML (of a login or an error, often), not a table of text",
                "fetch the data again, or save its table as CSV",
            )  # fmt: skip
        raise FormatError(
            "file", shown, "has no rows of a time and four prices under any delimiter (tab ; | , space)",
            "export candles as CSV with a header",
        )  # fmt: skip


def _is_wrapped(head: list[str]) -> bool:
    """Whether whole lines are quoted: one pair of quotes a line, around several fields."""
    lines = [line.strip() for line in head if line.strip()]
    return bool(lines) and all(len(line) > 2 and line[0] == line[-1] == '"' and line.count('"') == 2 for line in lines)


def _table(dialect: Dialect, head: list[str], later: list[list[str]]) -> Table | None:
    if sum(dialect.delimiter in line for line in head) < 0.5 * len(head):
        return None
    split = [dialect.split(line) for line in head]
    numeric = [_is_row(row) for row in split]
    widths = Counter(_width(row) for row, is_row in zip(split, numeric, strict=True) if is_row)
    if not widths:
        return None
    width, usual = widths.most_common(1)[0]
    filled = sum(1 for row in split if any(row))
    if width < _LEAST_COLUMNS or usual < 0.8 * max(filled - 3, 1):
        return None
    first = next(index for index, is_row in enumerate(numeric) if is_row)
    header, first_line = _header(split[:first], width)
    more = [dialect.split(line) for lines in later for line in lines]
    rows = [
        row[:width] for row in split[first_line - 1 :] + more if _width(row) == width and sum(map(is_number, row)) >= 4
    ]
    return Table(dialect, header, first_line, rows) if rows else None


def _is_row(row: list[str]) -> bool:
    """Whether a line holds numbers, or words for missing ones, rather than names."""
    return sum(is_number(text) or text.lower() in MISSING for text in row) >= 4 and any(map(is_number, row))


def _width(row: list[str]) -> int:
    """Fields of a row; an empty one after a delimiter at the end is none."""
    return len(row) - 1 if len(row) > 1 and not row[-1] else len(row)


def _header(before: list[list[str]], width: int) -> tuple[tuple[str, ...] | None, int]:
    """Names of the columns and the line that rows begin at, from the lines before the first row.

    A line that names the prices comes before one that merely holds words.
    """
    order = sorted(range(len(before)), key=lambda index: (not is_header(before[index]), -index))
    for index in order:
        names = _uncommented(before[index])
        worded = sum(1 for name in names if re.search(r"[^\W\d_]", name))
        if is_header(names) or (abs(_width(names) - width) <= 1 and worded >= _LEAST_COLUMNS - 1):
            if len(names) == width - 1:
                names = ["", *names]  # the index has no name
            return tuple((names + [""] * width)[:width]), index + 2
    return None, 1


def _uncommented(names: list[str]) -> list[str]:
    """Names without the sign that makes their line a comment."""
    if names and names[0] in ("#", "//", ";", "%"):
        return names[1:]
    return [re.sub(r"^(?:#+|//|%|;)\s*", "", name) if column == 0 else name for column, name in enumerate(names)]


def number_form(texts: list[str], wanted_decimal: str | None) -> NumberForm:
    """How numbers are spelled, from many of them.

    Raises
    ------
    FormatError
        A sign could be the decimal one or stand between thousands.
    """
    both = [text for text in texts if "," in text and "." in text]
    if both:
        decimal = max(",.", key=both[0].rfind)
        return NumberForm(decimal, ",.".replace(decimal, ""))
    for sign in " '":
        if any(sign in text for text in texts):
            return NumberForm("," if any("," in text for text in texts) else ".", sign)
    if wanted_decimal:
        return NumberForm(wanted_decimal, ",.".replace(wanted_decimal, ""))
    commas = [text for text in texts if "," in text]
    dots = [text for text in texts if "." in text]
    if not commas:
        many = any(text.count(".") > 1 for text in texts)
        return NumberForm(",", ".") if many else NumberForm(".", "")
    comma_decimal = [text for text in commas if not _THOUSANDS.fullmatch(text.replace(".", "?"))]
    dot_decimal = [text for text in dots if not _THOUSANDS.fullmatch(text.replace(".", ","))]
    if comma_decimal and dot_decimal:
        raise FormatError(
            "number", [comma_decimal[0], dot_decimal[0]], "cannot both be decimal numbers",
            "settle it with --decimal , or --decimal .",
        )  # fmt: skip
    if comma_decimal:
        return NumberForm(",", ".")
    if dot_decimal or any(text.count(",") > 1 for text in commas):
        return NumberForm(".", ",")
    raise FormatError(
        "number", commas[0], "has a comma that is the decimal sign or stands between thousands",
        "settle it with --decimal , or --decimal .",
    )  # fmt: skip
