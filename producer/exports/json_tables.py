"""Candles in JSON, as text: rows of lists or of objects, columns, and tables keyed by time."""

import codecs
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

from producer.exports.header import is_header
from shared.errors import FormatError

_CHUNK_CHARACTERS = 1 << 18
_ELEMENT_CHARACTERS = 1 << 28
"""Most of a document that is held at once; a list of rows, or lines of rows, is read row by row."""

_LEAST_COLUMNS = 5
_MOST_COLUMNS = 200
_ROWS = 4_096
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)  # numbers stay as they are written
_BLANK = re.compile(r"[\s,]*")

Cells = Iterable[Any]


@dataclass(frozen=True)
class JsonTable:
    """Rows found in a document, and where."""

    place: str
    names: list[str] | None
    rows: Iterable[Cells]


def is_json(head: bytes) -> bool:
    """Whether text begins as JSON does: a bracket, and inside it what can stand there."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    return re.match(rb"""\{\s*["}]|\[\s*[-\[{"\d\]]""", text) is not None


def write_json(file: BinaryIO, member: str | None) -> Iterator[bytes]:
    """Yield a document's table as CSV.

    Raises
    ------
    FormatError
        It is no JSON, holds no table of candles, or several; then the error names their places.
    """
    file.seek(0)
    elements = _elements(codecs.getreader("utf-8-sig")(file))
    try:
        first = next(elements, None)
        if first is None:
            raise FormatError("file", "[]", "holds no rows", "give a file with candles")
        second = next(elements, None)
        lone = isinstance(first, dict) and second is None
        if member is None and not lone and _is_row(first):
            rows = chain([first], [] if second is None else [second], elements)
            table = JsonTable("", None if isinstance(first, list) else [*_flat(first)], _rows(rows, first))
        else:
            table = _choose([first, *([] if second is None else [second, *elements])], member)
        yield from _written(table)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError("file", str(error)[:80], "is no JSON that can be read", "save it again") from None


def _elements(text: io.TextIOBase | codecs.StreamReader) -> Iterator[Any]:
    """Elements of the outermost list one by one, or documents line by line."""
    buffer = str(text.read(_CHUNK_CHARACTERS))
    at = _blank(buffer, 0)
    if buffer[at : at + 1] == "[":
        at += 1
    size = _CHUNK_CHARACTERS
    while True:
        at = _blank(buffer, at)
        try:
            if buffer[at : at + 1] == "]":
                return
            element, end = _DECODER.raw_decode(buffer, at)
            if end == len(buffer):  # a number may go on
                raise json.JSONDecodeError("cut", buffer, end)  # noqa: TRY301
        except json.JSONDecodeError:
            more = str(text.read(size))
            if not more:
                if at < len(buffer):
                    yield _DECODER.raw_decode(buffer, at)[0]
                return
            if len(buffer) - at > _ELEMENT_CHARACTERS:
                raise FormatError(
                    "file", f"{len(buffer)} characters", "is one JSON value too large to hold",
                    "save it as CSV, or as a list of rows",
                ) from None  # fmt: skip
            buffer, at, size = buffer[at:] + more, 0, min(2 * size, 1 << 26)
        else:
            yield element
            at, size = end, _CHUNK_CHARACTERS


def _blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool))


def _is_row(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) >= _LEAST_COLUMNS and all(map(_is_scalar, value))
    if not isinstance(value, dict) or len(value) > _MOST_COLUMNS:
        return False
    flat = _flat(value)
    return all(map(_is_scalar, flat.values())) and (is_header([*flat]) or sum(map(_is_number, flat.values())) >= 4)


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", value) is not None


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Values of a row by name, those of objects within it too (``mid: {o: ...}`` becomes ``o``, or ``mid_o``).

    ``{"$numberLong": "5"}`` is how MongoDB spells a value.
    """
    row = {key: _unwrapped(value) for key, value in row.items()}
    found = {key: value for key, value in row.items() if not isinstance(value, dict)}
    parts = [
        (key, inner, value) for key, part in row.items() if isinstance(part, dict) for inner, value in part.items()
    ]
    names = [*found, *(inner for _, inner, _ in parts)]
    for key, inner, value in parts:
        found[inner if names.count(inner) == 1 else f"{key}_{inner}"] = value
    return found


def _unwrapped(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        ((kind, inner),) = value.items()
        return inner if kind.startswith("$") else value
    return value


def _rows(rows: Iterable[Any], first: Any) -> Iterator[Cells]:
    """Rows as lists; what is no row of the first one's kind becomes one field, refused by line later."""
    names = [*_flat(first)] if isinstance(first, dict) else []
    nested = any(isinstance(value, dict) for value in first.values()) if isinstance(first, dict) else False
    for row in rows:
        if isinstance(row, dict) and names:
            flat = _flat(row) if nested else row
            yield [flat.get(name) for name in names]
        elif isinstance(row, list) and not names:
            yield row
        else:
            yield ["no row"]


def _choose(documents: list[Any], member: str | None) -> JsonTable:
    document = documents[0] if len(documents) == 1 else documents
    found = [*_tables(document, "")]
    if member is not None:
        found = [table for table in found if table.place == member]
    if len(found) != 1:
        places = [table.place or "." for table in found]
        raise FormatError(
            "file", places,
            "are several tables in one JSON document" if found else "is JSON without a table of candles",
            "settle it with --member PLACE" if found else "save the candles as a list of rows, or as CSV",
        )  # fmt: skip
    return found[0]


def _tables(node: Any, place: str) -> Iterator[JsonTable]:
    """All tables below a node; those inside of a table are part of it."""
    table = _table(node, place)
    if table is not None:
        yield table
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _tables(value, f"{place}.{key}".lstrip("."))
    elif isinstance(node, list) and not all(map(_is_scalar, node)):
        for index, value in enumerate(node[:1000]):
            yield from _tables(value, f"{place}.{index}".lstrip("."))


def _table(node: Any, place: str) -> JsonTable | None:
    if isinstance(node, list):
        if not node or not _is_row(node[0]):
            return None
        first = node[0]
        return JsonTable(place, None if isinstance(first, list) else [*_flat(first)], _rows(node, first))
    if not isinstance(node, dict):
        return None
    return _split_table(node, place) or _keyed_table(node, place) or _column_table(node, place)


def _split_table(node: dict[str, Any], place: str) -> JsonTable | None:
    """Names beside rows: pandas' ``split``, and what time series databases answer."""
    names, rows = node.get("columns"), node.get("data", node.get("values", node.get("rows")))
    if not isinstance(names, list) or not isinstance(rows, list) or not rows or not isinstance(rows[0], list):
        return None
    titles = [name if isinstance(name, str) else str(name.get("name", "")) for name in names]
    index = node.get("index")
    if isinstance(index, list) and len(index) == len(rows):
        return JsonTable(place, ["", *titles], ([key, *row] for key, row in zip(index, rows, strict=True)))
    return JsonTable(place, titles, rows)


def _keyed_table(node: dict[str, Any], place: str) -> JsonTable | None:
    """Objects of one shape under keys: keys are times and objects rows, or keys are names and objects columns."""
    inner = [value for value in node.values() if isinstance(value, dict)]
    if not inner or len(inner) != len(node) or not all(map(_is_scalar, inner[0].values())):
        return None
    if is_header([*node]):
        keys = [*inner[0]]
        return JsonTable(place, ["", *node], ([key, *(column.get(key) for column in inner)] for key in keys))
    if is_header([*inner[0]]):
        names = [*inner[0]]
        return JsonTable(place, ["", *names], ([key, *(row.get(name) for name in names)] for key, row in node.items()))
    return None


def _column_table(node: dict[str, Any], place: str) -> JsonTable | None:
    """Lists of one length, anywhere below, of which each is a column."""
    columns: dict[int, dict[str, list[Any]]] = defaultdict(dict)
    for name, values in _lists(node):
        columns[len(values)].setdefault(name, values)
    for group in columns.values():
        if is_header([*group]) and len(group) >= _LEAST_COLUMNS:
            return JsonTable(place, [*group], zip(*group.values(), strict=True))
    return None


def _lists(node: Any) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, list) and value and all(map(_is_scalar, value)):
                yield key, value
            else:
                yield from _lists(value)
    elif isinstance(node, list) and len(node) == 1:
        yield from _lists(node[0])


def _written(table: JsonTable) -> Iterator[bytes]:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    if table.names is not None:
        writer.writerow(table.names)
    for count, row in enumerate(table.rows, 1):
        writer.writerow([str(cell).replace("\n", " ") if cell is not None else "" for cell in row])
        if count % _ROWS == 0:
            yield sink.getvalue().encode("utf-8", "replace")
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue().encode("utf-8", "replace")
