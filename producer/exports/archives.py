"""Archives with one file of candles inside."""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from shared.errors import FormatError

_CHUNK_BYTES = 1 << 20
_UNPACKED_BYTES_MAX = 1 << 36  # 64 GiB: what unpacks to more is a bomb, no history
_STREAMS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"))


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


Unpacked = tuple[str, str, Iterator[bytes]]


def unpack(file: BinaryIO, name: str, member: str | None) -> Unpacked | None:
    """Unpack one layer.

    Returns
    -------
    tuple or None
        Kind of archive, name of the file inside, its bytes; None where ``file`` is no archive.

    Raises
    ------
    FormatError
        Several files are inside, or none, or the archive is damaged or a workbook.
    """
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    if head.startswith(b"PK"):
        return _member(file, member)
    for magic, kind in _STREAMS:
        if head.startswith(magic):
            inner = name.rsplit(".", 1)[0] if "." in name else name
            return kind, inner, _chunks(_stream(file, kind), kind)
    return None


def _stream(file: BinaryIO, kind: str) -> _Stream:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=file)
    return bz2.BZ2File(file) if kind == "bzip2" else lzma.LZMAFile(file)


def _member(file: BinaryIO, wanted: str | None) -> Unpacked:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise _damaged("zip", str(error)) from None
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise FormatError("file", names[0], "is a workbook, not text", "save the sheet as CSV")
    names = [name for name in names if "__MACOSX" not in name and not name.rpartition("/")[2].startswith(".")]
    if wanted is not None:
        chosen = [name for name in names if wanted in (name, name.rpartition("/")[2])]
    else:
        tables = [name for name in names if name.lower().endswith((".csv", ".hst", ".json", ".feather"))]
        chosen = names if len(names) == 1 else tables  # a report may lie beside the table
    if len(chosen) != 1:
        raise FormatError(
            "file", names[:8], f"are {len(names)} files in one archive" if names else "is an archive without files",
            "settle it with --member NAME" if names else "give a file with candles",
        )  # fmt: skip
    return "zip", chosen[0].rpartition("/")[2], _chunks_of_member(archive, chosen[0])


def _chunks_of_member(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with archive.open(name) as stream:
            yield from _chunks(stream, "zip")
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:  # a password is needed, say
        raise _damaged("zip", str(error)) from None


def _chunks(stream: _Stream, kind: str) -> Iterator[bytes]:
    size = 0
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > _UNPACKED_BYTES_MAX:
                raise FormatError("file", f"{size} bytes", "is more than 64 GiB unpacked", "split the file")
            yield chunk
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError) as error:
        raise _damaged(kind, str(error)) from None


def _damaged(kind: str, what: str) -> FormatError:
    return FormatError("file", what, f"is a {kind} archive that cannot be unpacked", "fetch it again, or unpack it")
