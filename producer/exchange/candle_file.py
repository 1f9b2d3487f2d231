"""A CSV of candles that grows: each value in its shortest form that reads back to the same bits."""

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from producer.exchange.row import Row, read_row
from shared.errors import InputError

HEAD = b"timestamp,open,high,low,close,volume\n"
_TAIL_BYTES = 4_096


class CandleFile:
    """Closed candles of one market, ascending, appended to; ``producer.exports`` reads it as it is.

    Attributes
    ----------
    last
        The last whole row of a file that was begun before; what a kill left of another is cut off.

    Raises
    ------
    InputError
        It cannot be written, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.first: Row | None = None
        self.last: Row | None = None
        try:
            path.touch()
            self._file: BinaryIO = path.open("r+b")
        except OSError as error:
            raise InputError("--out", str(path), f"cannot be written: {error.strerror}", "give another path") from None
        try:
            self._resume()
        except BaseException:
            self._file.close()
            raise

    def _resume(self) -> None:
        file = self._file
        head = file.read(len(HEAD))
        if not HEAD.startswith(head):
            raise InputError("--out", str(self._path), "is not a file that fetch began", "give another path")
        if head != HEAD:
            file.seek(0)
            file.truncate()
            file.write(HEAD)
            return
        first = file.readline()
        size = file.seek(0, os.SEEK_END)
        begin = max(len(HEAD), size - _TAIL_BYTES)
        file.seek(begin)
        tail = file.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        file.seek(begin + len(whole))
        file.truncate()
        if whole and first.endswith(b"\n"):
            self.first, self.last = self._read(first), self._read(whole.splitlines()[-1])

    def _read(self, line: bytes) -> Row:
        row = read_row(line.decode(errors="replace").strip().split(","))
        if row is None:
            raise InputError("--out", str(self._path), f"holds {line[:80]!r}, which is no candle", "give another path")
        return row

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows and hand them to the system: a kill loses at most what is not yet appended."""
        lines = [f"{t},{o!r},{h!r},{low!r},{c!r},{v!r}\n" for t, o, h, low, c, v in rows]
        self._file.write("".join(lines).encode())
        self._file.flush()

    def __enter__(self) -> "CandleFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
