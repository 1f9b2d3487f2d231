# mypy: allow-untyped-decorators
"""Lines of a block cut into fields, compiled: where each field begins and ends."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int32]

_NEWLINE, _RETURN, _SPACE, _TAB, _QUOTE = 10, 13, 32, 9, 34


@dataclass(frozen=True)
class Fields:
    """The fields of R lines that are not blank, C columns each.

    ``starts`` and ``ends`` (R, C) are offsets into ``data``, spaces and quotes left out; ``counts`` (R,) is how many
    fields each line really has (a trailing empty one is not counted); ``lines`` (R,) are line numbers.
    """

    data: Bytes
    starts: Offsets
    ends: Offsets
    counts: Offsets
    lines: NDArray[np.int64]

    def text(self, row: int, column: int) -> str:
        """A field as text."""
        raw = self.data[self.starts[row, column] : self.ends[row, column]].tobytes()
        return raw.decode("utf-8", "replace")


def cut_fields(text: bytes, first_line: int, delimiter: str, columns: int, *, wrapped: bool) -> Fields:
    """Cut ``text`` (whole lines) into fields.

    Parameters
    ----------
    delimiter
        One ASCII character; a space stands for any run of spaces and tabs.
    wrapped
        Every line as a whole stands in quotes.
    """
    data = np.frombuffer(text, np.uint8)
    rows = text.count(b"\n") + 1
    starts = np.zeros((rows, columns), np.int32)
    ends = np.zeros((rows, columns), np.int32)
    counts = np.zeros(rows, np.int32)
    lines = np.zeros(rows, np.int64)
    used = _cut(data, ord(delimiter), wrapped, starts, ends, counts, lines)
    return Fields(data, starts[:used], ends[:used], counts[:used], lines[:used] + first_line)


@njit(cache=True)
def _cut(
    data: Bytes,
    delimiter: int,
    wrapped: bool,
    starts: Offsets,
    ends: Offsets,
    counts: Offsets,
    lines: NDArray[np.int64],
) -> int:  # pragma: no cover - compiled
    size = data.size
    row = 0
    line = 0
    begin = 0
    while begin < size:
        stop = begin
        while stop < size and data[stop] != _NEWLINE:
            stop += 1
        first, last = begin, stop
        while last > first and (data[last - 1] == _RETURN or data[last - 1] == _SPACE):
            last -= 1
        while first < last and data[first] == _SPACE:
            first += 1
        if wrapped and last - first >= 2 and data[first] == _QUOTE and data[last - 1] == _QUOTE:
            first += 1
            last -= 1
        if last > first:
            counts[row] = _cut_line(data, first, last, delimiter, starts[row], ends[row])
            lines[row] = line
            row += 1
        line += 1
        begin = stop + 1
    return row


@njit(cache=True)
def _cut_line(
    data: Bytes, first: int, last: int, delimiter: int, starts: Offsets, ends: Offsets
) -> int:  # pragma: no cover - compiled
    """Cut data[first:last], whose ends are no spaces; a trailing empty field is not counted."""
    count = 0
    at = first
    while at < last:
        at = _skip_blank(data, at, last, delimiter)
        start, end, at = _field(data, at, last, delimiter)
        if count < starts.size:
            starts[count] = start
            ends[count] = end
        count += 1
        if delimiter == _SPACE:
            at = _skip_blank(data, at, last, 0)
        else:
            at += 1
    return count


@njit(cache=True)
def _skip_blank(data: Bytes, at: int, last: int, delimiter: int) -> int:  # pragma: no cover - compiled
    while at < last and data[at] != delimiter and (data[at] == _SPACE or data[at] == _TAB):
        at += 1
    return at


@njit(cache=True)
def _field(data: Bytes, at: int, last: int, delimiter: int) -> tuple[int, int, int]:  # pragma: no cover - compiled
    """Start and end of the field at ``at``, and the delimiter after it."""
    start = at
    if at < last and data[at] == _QUOTE:
        start = at + 1
        at += 1
        while at < last and (data[at] != _QUOTE or (at + 1 < last and data[at + 1] == _QUOTE)):
            at += 1 if data[at] != _QUOTE else 2  # two quotes stand for one
        end = at
        while at < last and data[at] != delimiter:
            at += 1
        return start, end, at
    while at < last and data[at] != delimiter and not (delimiter == _SPACE and data[at] == _TAB):
        at += 1
    end = at
    while end > start and (data[end - 1] == _SPACE or data[end - 1] == _TAB):
        end -= 1
    return start, end, at


def pack(texts: list[str]) -> Fields:
    """Texts as the single column of a ``Fields``, for trying forms on samples."""
    raw = [text.encode() for text in texts]
    ends = np.cumsum([len(item) for item in raw]).astype(np.int32) if raw else np.zeros(0, np.int32)
    starts = ends - np.array([len(item) for item in raw], np.int32)
    data = np.frombuffer(b"".join(raw) or b" ", np.uint8)
    ones = np.ones(len(raw), np.int32)
    return Fields(data, starts[:, None], ends[:, None], ones, np.arange(len(raw), dtype=np.int64))
