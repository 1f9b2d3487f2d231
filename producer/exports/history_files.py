"""MetaTrader 4 history files (``.hst``), as text.

Both versions begin with 148 bytes: version, copyright, symbol, minutes of the timeframe, digits. A candle of version
400 (before build 600) is 44 bytes, open low high close volume; of version 401 it is 60, open high low close tick
volume spread volume. Stamps are the broker's clock counted as if it were UTC.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from shared.errors import FormatError
from shared.timeframe import timeframe_name

_HEAD_BYTES = 148
_OLD = np.dtype([("t", "<i4"), ("o", "<f8"), ("l", "<f8"), ("h", "<f8"), ("c", "<f8"), ("v", "<f8")])
_NEW = np.dtype(
    [
        *[("t", "<i8"), ("o", "<f8"), ("h", "<f8"), ("l", "<f8"), ("c", "<f8")],
        *[("v", "<i8"), ("spread", "<i4"), ("real", "<i8")],
    ]
)
_ROWS = 16_384
_NAMES = b"time,open,high,low,close,tick_volume,spread,real_volume\n"


def history_timeframe(head: bytes) -> str | None:
    """Timeframe that a history file claims; None where it has no name (offline charts of other widths)."""
    return timeframe_name(int.from_bytes(head[80:84], "little") * 60_000)


def write_history(file: BinaryIO) -> Iterator[bytes]:
    """Yield the candles as lines: a header, then one line a candle; doubles are written so that they read back.

    Raises
    ------
    FormatError
        The file ends within its head.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        raise FormatError("file", head[:4], "is a MetaTrader history file without candles", "export it again")
    old = int.from_bytes(head[:4], "little") == 400
    dtype = _OLD if old else _NEW
    yield _NAMES
    while raw := file.read(dtype.itemsize * _ROWS):
        rows = np.frombuffer(raw, dtype, len(raw) // dtype.itemsize)
        none = np.zeros(len(rows), np.int64)
        spread, real = (none, none) if old else (rows["spread"], rows["real"])
        columns = [rows[name].tolist() for name in ("t", "o", "h", "l", "c", "v")]
        lines = [
            f"{t},{o!r},{h!r},{low!r},{c!r},{v!r},{s},{r}\n"
            for t, o, h, low, c, v, s, r in zip(*columns, spread.tolist(), real.tolist(), strict=True)
        ]
        left = len(raw) % dtype.itemsize
        yield "".join(lines).encode() + (f"{left} bytes of a candle\n".encode() if left else b"")
