"""Exports read: rows a second of the native formats of both terminals, beside pandas."""

import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.measurement import Measurement, best_seconds
from producer.inspection import inspect
from producer.sample import sample_candles

ROWS = 300_000
FORMATS = {
    "MetaTrader 5": ("%Y.%m.%d\t%H:%M:%S", "\t", "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n"),
    "MetaTrader 4": ("%Y.%m.%d,%H:%M", ",", ""),
}


def run() -> list[Measurement]:
    """Measure. pandas is asked to read its columns and dates, and nothing is checked."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (stamp, sign, header) in FORMATS.items():
            path = Path(folder, f"{name}.csv")
            _write(path, stamp, sign, header)
            inspect(path)  # compiles what is not yet
            ours = ROWS / best_seconds(lambda path=path: inspect(path), repeats=3)  # type: ignore[misc]
            theirs = ROWS / best_seconds(lambda path=path, sign=sign: _pandas(path, sign), repeats=3)  # type: ignore[misc]
            rows.append(
                Measurement(f"{name}, rows inspected", "1/s", "higher", ours, "pandas.read_csv", theirs, ">= 300,000")
            )
    return rows


def _write(path: Path, stamp: str, sign: str, header: str) -> None:
    candles = sample_candles(ROWS, "M5", 1)
    stamps = pd.to_datetime(candles["t"], unit="ms").strftime(stamp)
    with path.open("w", newline="") as file:
        file.write(header)
        for when, (_, o, h, low, c, v) in zip(stamps, candles.tolist(), strict=True):
            file.write(sign.join((when, f"{o:.5f}", f"{h:.5f}", f"{low:.5f}", f"{c:.5f}", f"{v:.0f}")) + "\r\n")


def _pandas(path: Path, sign: str) -> pd.DataFrame:
    frame = pd.read_csv(path, sep=sign, header=None, skiprows=1)
    frame["t"] = pd.to_datetime(frame[0] + " " + frame[1])
    return frame
