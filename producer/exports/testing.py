"""Files of known candles in the way of many programs, to try the reader on; for tests."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from producer.exports.export import Export
from producer.sample import sample_candles
from shared.contracts import Candles
from shared.errors import InputError

Writer = Callable[[Candles], bytes]
Row = Callable[[datetime, list[str], str], str]
"""One line of text, from a moment, prices (open, high, low, close) and a volume."""

_DAY_MS = 1_735_603_200_000  # 2024-12-31


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    ``scale`` multiplies prices (of about 1.12), which then have ``decimals``; without ``volume`` none is in the file;
    ``one_day`` puts all candles into 2024-12-31.
    """

    write: Writer
    timeframe: str
    file: str
    volume: bool
    scale: float
    decimals: int
    count: int
    one_day: bool

    def candles(self) -> Candles:
        """The candles that the file is written from."""
        candles = sample_candles(self.count, self.timeframe, 6)
        candles["v"] *= 10_000
        for name in "ohlc":
            candles[name] = np.round(candles[name] * self.scale, self.decimals)
        if self.one_day:
            candles["t"] = _DAY_MS + np.arange(self.count) * 300_000
        return candles

    def outcome(self, folder: Path) -> str:
        """Write and read: ``right``, ``refused: ...`` or ``wrong: ...``."""
        candles = self.candles()
        path = folder / self.file
        path.write_bytes(self.write(candles))
        if not self.volume:
            candles["v"] = 0
        try:
            export = Export(path)
            found = np.concatenate([block.candles for block in export.blocks()])
        except InputError as error:
            return f"refused: {error}"
        if len(found) != len(candles) or export.grid.timeframe != self.timeframe:
            return f"wrong: {len(found)} candles of {export.grid.timeframe}, {export.tally.document()}"
        wrong = [name for name in ("t", *"ohlcv") if not np.allclose(found[name], candles[name], rtol=1e-12, atol=0)]
        return "right" if not wrong else f"wrong: {wrong}: {found[0]} for {candles[0]}"


@dataclass
class Kinds:
    """Kinds by the names of the functions that write them."""

    known: dict[str, Kind] = field(default_factory=dict)

    def add(
        self,
        timeframe: str = "M15",
        file: str = "x.csv",
        *,
        volume: bool = True,
        scale: float = 1.0,
        decimals: int = 5,
        count: int = 400,
        one_day: bool = False,
    ) -> Callable[[Writer], Writer]:
        """Decorate a writer."""

        def keep(write: Writer) -> Writer:
            self.known[write.__name__] = Kind(write, timeframe, file, volume, scale, decimals, count, one_day)
            return write

        return keep


def moment(candle: Any) -> datetime:
    """Open time of a candle."""
    return datetime.fromtimestamp(int(candle["t"]) / 1000, UTC)


def table(candles: Candles, row: Row, before: str = "", end: str = "\n", encoding: str = "utf-8") -> bytes:
    """Lines of text, prices with five decimals, whole volumes."""
    lines = [row(moment(c), [f"{c[k]:.5f}" for k in "ohlc"], f"{c['v']:.0f}") for c in candles]
    return (before + end.join(lines) + end).encode(encoding)


def zipped(name: str, data: bytes) -> bytes:
    """A zip archive of one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()
