"""What a replay reads candles from: an export as it is, resampled, or made of ticks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from producer.exports.export import Block
from producer.exports.faults import Tally
from shared.contracts import Candles


class CandleFile(Protocol):
    """Candles of one series, block by block in flat memory.

    ``tally`` is what was refused so far; ``tz`` and ``tz_source`` are the clock of the stamps and whence it is known.
    """

    tally: Tally
    tz: str
    tz_source: str

    @property
    def notes(self) -> list[str]:
        """What a person should know of how the file is read."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Candles in the order of the file; the last one may still be open."""
        ...


class Gathering(CandleFile, Protocol):
    """A file whose candles are made of its rows."""

    def document(self) -> dict[str, Any]:
        """What became of the rows, JSON-able."""
        ...


class CandleWriter:
    """A file of candles with stamps in UTC, which any reader of exports understands without options."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file = self._part.open("w", encoding="ascii", newline="\n")
        self._file.write("time,open,high,low,close,volume\n")

    def write(self, candles: Candles) -> None:
        """Append candles; prices are written so that they read back the same."""
        stamps = np.datetime_as_string(candles["t"].astype("datetime64[ms]"), unit="s").tolist()
        for stamp, (_, o, h, low, c, v) in zip(stamps, candles.tolist(), strict=True):
            volume = int(v) if v == int(v) else v
            self._file.write(f"{stamp}Z,{o!r},{h!r},{low!r},{c!r},{volume!r}\n")

    def close(self) -> None:
        """Put the whole file in place."""
        self._file.close()
        self._part.replace(self._path)
