"""Archived candles as a file that every Natron command reads."""

from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq

from archive.storage.kinds import CANDLES
from archive.storage.vault import Vault
from shared.contracts import Series
from shared.errors import InputError

COLUMNS = {"t": "time", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
"""Columns of the CSV: open time in UTC epoch ms, prices, volume. Parquet keeps the archive's own names."""


def export_candles(vault: Vault, series: Series, out: Path, first_t: int = 0, last_t: int = 2**62) -> int:
    """Write a series' candles from ``first_t`` to ``last_t`` (open times, UTC epoch ms); returns how many.

    Raises
    ------
    InputError
        The archive has none of them, or the file's ending is neither .csv nor .parquet.
    """
    if out.suffix not in {".csv", ".parquet"}:
        raise InputError("out", str(out), "must end in .csv or .parquet", "name the file so")
    table = vault.read(CANDLES, series, first_t, last_t).select(list(COLUMNS))
    if not table.num_rows:
        known = ", ".join(one.key for one in vault.series(CANDLES)) or "none"
        raise InputError("series", series.key, "has no such candles in the archive", f"it holds {known}")
    if out.suffix == ".csv":
        pyarrow.csv.write_csv(table.rename_columns(list(COLUMNS.values())), out)
    else:
        pq.write_table(table, out)
    return int(table.num_rows)
