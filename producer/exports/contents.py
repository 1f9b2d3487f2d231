"""What a file holds once unpacked: text that can be sought in, whatever it was wrapped in."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from producer.exports.archives import unpack
from producer.exports.columnar import write_columnar
from producer.exports.history_files import history_timeframe, write_history
from producer.exports.json_tables import is_json, write_json
from shared.errors import FormatError, InputError

_HEAD_BYTES = 4_096
_ARCHIVES_DEEP = 3
_REFUSED = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"SQLite format 3", "a SQLite database", "export its table as CSV"),
    (b"\x89HDF", "an HDF5 file", "save its table as CSV or Feather"),
    (b"\x80\x04\x95", "a pickle, which may run code when opened", "save the table as CSV or Feather"),
    (b"\x80\x05\x95", "a pickle, which may run code when opened", "save the table as CSV or Feather"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it with zstd -d"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"%PDF", "a PDF", "give a file with candles"),
)


@dataclass(frozen=True)
class Contents:
    """Text of a file.

    Attributes
    ----------
    path
        The file itself.
    name
        Of the innermost file: the member of an archive.
    wrapped
        What the text was taken out of, outermost first: ``zip``, ``gzip``, ``MetaTrader history 401``, ``JSON`` ...
    timeframe
        What a MetaTrader history file says of itself.
    unpacked
        The text in a temporary file that has no name; None where ``path`` is the text.
    """

    path: Path
    name: str
    wrapped: tuple[str, ...] = ()
    timeframe: str | None = None
    unpacked: BinaryIO | None = None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The text, to be sought in; readers of one unpacked text take turns, each seeking before it reads."""
        if self.unpacked is not None:
            yield self.unpacked
        else:
            with self.path.open("rb") as file:
                yield file

    def close(self) -> None:
        """Let go of the temporary file, if any."""
        if self.unpacked is not None:
            self.unpacked.close()

    @property
    def size(self) -> int:
        """Bytes of text."""
        with self.open() as file:
            return file.seek(0, 2)


def open_contents(path: Path, member: str | None) -> Contents:
    """Unpack a file as far as it needs to be; plain text stays where it is.

    Parameters
    ----------
    member
        Which file of an archive, or which table of a JSON document, where there are several.

    Raises
    ------
    InputError
        It cannot be opened.
    FormatError
        It holds nothing that can be candles, or several things.
    """
    contents = Contents(path, path.name)
    steps = [_out_of_archive] * _ARCHIVES_DEEP + [_as_text]
    try:
        for step in steps:
            contents = _stepped(contents, step, member)
    except OSError as error:
        raise InputError("file", str(path), f"cannot be read: {error.strerror or error}", "check the path") from None
    return contents


def _stepped(contents: Contents, step: Callable[[Contents, str | None], Contents], member: str | None) -> Contents:
    """Take a step; what it leaves behind is closed."""
    try:
        reached = step(contents, member)
    except BaseException:
        contents.close()
        raise
    if reached is not contents:
        contents.close()
    return reached


def _out_of_archive(contents: Contents, member: str | None) -> Contents:
    with contents.open() as file:
        found = unpack(file, contents.name, member)
        if found is None:
            return contents
        kind, name, chunks = found
        return _spooled(contents, kind, chunks, name=name)


def _as_text(contents: Contents, member: str | None) -> Contents:
    with contents.open() as file:
        file.seek(0)
        head = file.read(_HEAD_BYTES)
        for magic, what, mend in _REFUSED:
            if head.startswith(magic):
                raise FormatError("file", head[:8], f"is {what}, not text", mend)
        version = int.from_bytes(head[:4], "little")
        if version in (400, 401):
            text = _spooled(contents, f"MetaTrader history {version}", write_history(file))
            return replace(text, timeframe=history_timeframe(head))
        if head.startswith((b"ARROW1", b"FEA1", b"PAR1")):
            kind = "Parquet" if head.startswith(b"PAR1") else "Feather"
            return _spooled(contents, kind, write_columnar(file, kind))
        if is_json(head):
            return _spooled(contents, "JSON", write_json(file, member))
    return contents


def _spooled(contents: Contents, kind: str, chunks: Iterator[bytes], name: str | None = None) -> Contents:
    """Chunks in a temporary file that has no name: it is gone once closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the contents
    try:
        for chunk in chunks:
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    return replace(contents, name=name or contents.name, wrapped=(*contents.wrapped, kind), unpacked=file)
