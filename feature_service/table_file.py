"""Feature rows in a file: Parquet or CSV, a column a feature."""

from pathlib import Path

import numpy as np
import pandas as pd

from feature_service.feature_set import FEATURE_SET
from shared.contracts import Candles, Rows, Series
from shared.errors import InputError

FORMATS = (".parquet", ".csv")


def check_target(path: Path) -> None:
    """Refuse a file that rows cannot be written to, before they are computed.

    Raises
    ------
    InputError
        Another ending, no such folder, or Parquet without pyarrow.
    """
    if path.suffix not in FORMATS:
        raise InputError("out", str(path), "must end in .parquet or .csv", "name the file so")
    if not path.parent.is_dir():
        raise InputError("out", str(path), "stands in a folder that does not exist", "make the folder first")
    if path.suffix == ".parquet":
        try:
            import pyarrow as pa  # noqa: F401, PLC0415
        except ImportError:
            mend = "pip install 'natron[parquet]', or write a .csv"
            raise InputError("out", str(path), "needs pyarrow, which is not installed", mend) from None


def write_rows(path: Path, series: Series, candles: Candles, rows: Rows) -> None:
    """Write t (UTC epoch ms) and the features in model order; float32 keeps its bits in both formats.

    A Parquet file also names the series, the feature set's hash and its lookback, as metadata.

    Raises
    ------
    InputError
        As ``check_target``.
    """
    check_target(path)
    if path.suffix == ".csv":
        frame = pd.DataFrame(rows, columns=list(FEATURE_SET.names))
        frame.insert(0, "t", candles["t"])
        frame.to_csv(path, index=False)
        return
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    arrays = [pa.array(candles["t"].copy()), *(pa.array(np.ascontiguousarray(column)) for column in rows.T)]
    about = {
        "symbol": series.symbol,
        "timeframe": series.timeframe,
        "feature_set": FEATURE_SET.hash,
        "lookback": str(FEATURE_SET.lookback),
    }
    pq.write_table(pa.table(arrays, names=["t", *FEATURE_SET.names], metadata=about), path)
