"""The kernels that Python calls, compiled once a machine and kept on disk.

Numba renews a kernel on disk when its own file changes, not when a function that it calls does. So the
entry points close over a digest of every source that kernels are made of: numba keys what it keeps by what
is closed over.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feature_service.kernels.buffers import Buffers, Table, Values, compute_rows, lay_past, push_candles
from feature_service.kernels.columns import Buffer
from feature_service.kernels.compile import entry_point

_PACKAGE = Path(__file__).parents[1]


class EntryPoints(NamedTuple):
    """Compiled on their first call, or read from disk. What they do is in ``buffers``."""

    compute_rows: Callable[[Buffer, Table, Values], None]
    lay_past: Callable[[Buffers, NDArray[np.int64], int, Table], None]
    push_candles: Callable[[Buffers, NDArray[np.int64], NDArray[np.int64], Table, Values], int]


def source_digest(package: Path = _PACKAGE) -> str:
    """Sha256 over the sources that kernels are compiled from."""
    digest = hashlib.sha256()
    sources = [*package.glob("catalogue.py"), *package.glob("indicators/*.py"), *package.glob("kernels/*.py")]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def compiled(digest: str) -> EntryPoints:
    """Entry points that are read from disk only where the same digest compiled them."""

    @entry_point
    def history(columns: Buffer, candles: Table, rows: Values) -> None:
        assert digest
        compute_rows(columns, candles, rows)

    @entry_point
    def past(buffers: Buffers, ends: NDArray[np.int64], slot: int, candles: Table) -> None:
        assert digest
        lay_past(buffers, ends, slot, candles)

    @entry_point
    def stream(
        buffers: Buffers, ends: NDArray[np.int64], slots: NDArray[np.int64], candles: Table, rows: Values
    ) -> int:
        assert digest
        return push_candles(buffers, ends, slots, candles, rows)

    return EntryPoints(history, past, stream)


ENTRIES = compiled(source_digest())
