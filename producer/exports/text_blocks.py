"""A text file in line-aligned blocks of UTF-8, forward or backward, so that memory does not grow with it."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from producer.exports.contents import open_contents
from producer.exports.encoding import plain_text, recognise_encoding
from shared.errors import FormatError

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 1 << 18
HEAD_LINES = 2_000
EXCERPT_BYTES = 1 << 15
_PATH_SHOWN, _VALUE_SHOWN = 70, 60  # characters


@dataclass(frozen=True)
class TextBlock:
    """Whole lines of a file."""

    text: bytes  # ASCII-compatible, lines end with \n
    first_line: int  # counted from 1
    raw_bytes: int  # how much of the file it is


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what is said of a file's bytes name the file."""
    try:
        yield
    except FormatError as error:
        shown = str(path) if len(str(path)) <= _PATH_SHOWN else path.name
        if error.field != "file" or error.value == shown:
            raise
        raise FormatError("file", shown, f"{error.rule} ({str(error.value)[:_VALUE_SHOWN]})", error.mend) from None


class TextFile:
    """A file of text lines.

    Parameters
    ----------
    member
        Which file of an archive or table of a JSON document, where there are several.

    Raises
    ------
    InputError
        It cannot be opened.
    FormatError
        It is no text, and nothing that is known to hold some.
    """

    def __init__(self, path: Path, block_bytes: int = BLOCK_BYTES, member: str | None = None) -> None:
        self.path = path
        self._block_bytes = block_bytes
        with naming(path):
            self.contents = open_contents(path, member)
        weakref.finalize(self, self.contents.close)
        self.size = self.contents.size
        with self.contents.open() as file:
            file.seek(0)
            head = file.read(HEAD_BYTES)
        with naming(path):
            self.encoding, self._begin = recognise_encoding(head)
        self._unit = {"utf-16": 2, "utf-32": 4}.get(self.encoding[:6], 1)
        self._line_end = b"\n"
        text = self._utf8(head)
        if b"\n" not in text and b"\r" in text:
            self._line_end = b"\r"  # as old Macs wrote
        self._break = self._line_end.decode().encode(self.encoding)

    def head(self) -> list[str]:
        """First lines, whole ones only (2,000, or 256 KiB of them)."""
        with self.contents.open() as file:
            return self._whole_lines(file, self._begin, HEAD_BYTES)[:HEAD_LINES]

    def later(self) -> list[list[str]]:
        """Lines from the middle and from the end (32 KiB each), where the file has more than its head."""
        if self.size <= HEAD_BYTES:
            return []
        with self.contents.open() as file:
            offsets = (max(self.size // 2, HEAD_BYTES), max(self.size - EXCERPT_BYTES, HEAD_BYTES))
            return [self._whole_lines(file, offset, EXCERPT_BYTES) for offset in offsets]

    def blocks(self, *, backward: bool = False) -> Iterator[TextBlock]:
        """All lines; with ``backward`` the blocks come last first (lines within a block stay in file order)."""
        with self.contents.open() as file:
            spans = self._spans(file)
            for start, end, first_line in reversed(list(spans)) if backward else spans:
                file.seek(start)
                yield TextBlock(self._utf8(file.read(end - start)), first_line, end - start)

    def _spans(self, file: BinaryIO) -> Iterator[tuple[int, int, int]]:
        """(start, end, first line) of each block: a few numbers a megabyte."""
        start, line = self._begin, 1
        while start < self.size:
            file.seek(start)
            raw = file.read(self._block_bytes)
            end = start + len(raw)
            if end < self.size:
                cut = self._last_break(raw)
                if cut < 0 and not raw.strip(b"\0"):
                    cut = len(raw)  # a stretch that a crash left empty
                if cut < 0:
                    raise FormatError(
                        "file", str(self.path), f"line {line} is over {len(raw)} bytes", "export it as CSV"
                    )
                end, raw = start + cut, raw[:cut]
            yield start, end, line
            line += self._count_breaks(raw)
            start = end

    def _last_break(self, raw: bytes) -> int:
        """Offset after the last line break; in wide encodings the match must be aligned."""
        at = raw.rfind(self._break)
        while at >= 0 and at % self._unit:
            at = raw.rfind(self._break, 0, at + self._unit - 1)
        return at + self._unit if at >= 0 else -1

    def _count_breaks(self, raw: bytes) -> int:
        return raw.count(self._line_end) if self._unit == 1 else self._utf8(raw).count(b"\n")

    def _utf8(self, raw: bytes) -> bytes:
        text = raw if self.encoding in ("utf-8", "cp1252") else raw.decode(self.encoding, "replace").encode()
        return plain_text(text.replace(b"\r", b"\n") if self._line_end == b"\r" else text, self.encoding)

    def _whole_lines(self, file: BinaryIO, offset: int, count: int) -> list[str]:
        """Lines wholly inside ``count`` bytes from ``offset``."""
        offset -= (offset - self._begin) % self._unit
        file.seek(offset)
        raw = file.read(count - count % self._unit)
        lines = self._utf8(raw).decode("cp1252" if self.encoding == "cp1252" else "utf-8", "replace").split("\n")
        first = 0 if offset == self._begin else 1
        last = len(lines) if offset + len(raw) >= self.size else len(lines) - 1
        return [line.rstrip("\r") for line in lines[first:last]]
