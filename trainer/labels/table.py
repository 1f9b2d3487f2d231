"""Labels in a file: t and a column a head."""

import tempfile
from pathlib import Path

import pandas as pd

from shared.contracts import Candles
from shared.errors import InputError
from trainer.labels.heads import Labels

FORMATS = (".parquet", ".csv")


def check_table(path: Path) -> None:
    """Refuse a file that labels cannot be written to, before they are computed.

    Raises
    ------
    InputError
        Another ending, or a folder that is not there or takes no files.
    """
    if path.suffix not in FORMATS:
        raise InputError("out", str(path), "must end in .parquet or .csv", "name the file so")
    try:
        with tempfile.TemporaryFile(dir=path.parent):  # asking for permission is not enough
            pass
    except OSError as error:
        rule = f"cannot be written, because of {path.parent}: {error.strerror}"
        raise InputError("out", str(path), rule, "name another folder") from None
    if path.is_dir():
        raise InputError("out", str(path), "is a folder", "name a file")


def write_table(path: Path, candles: Candles, labels: Labels) -> None:
    """Write t (UTC epoch ms) and the class index of every head; -1 where the future is not known."""
    frame = pd.DataFrame({"t": candles["t"], **labels})
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
