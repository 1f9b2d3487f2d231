"""Rows in a file come back with the same bits."""

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from feature_service.table_file import check_target, write_rows
from shared.contracts import Candles, Series
from shared.errors import InputError

SERIES = Series("EUR|USD", "M15")


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path, walk: Callable[..., Candles], name: str) -> None:
    candles = walk(700)
    rows = compute_history(candles)
    write_rows(tmp_path / name, SERIES, candles, rows)
    read = pd.read_csv if name.endswith(".csv") else pd.read_parquet
    frame = read(tmp_path / name)
    assert list(frame.columns) == ["t", *FEATURE_SET.names]
    assert np.array_equal(frame["t"], candles["t"])
    assert np.array_equal(frame.to_numpy()[:, 1:].astype(np.float32), rows)


def test_a_parquet_file_names_its_series_and_feature_set(tmp_path: Path, walk: Callable[..., Candles]) -> None:
    candles = walk(20)
    write_rows(tmp_path / "rows.parquet", SERIES, candles, compute_history(candles))
    about = pq.read_schema(tmp_path / "rows.parquet").metadata
    assert (about[b"symbol"], about[b"timeframe"]) == (b"EUR|USD", b"M15")
    assert about[b"feature_set"] == FEATURE_SET.hash.encode()


@pytest.mark.parametrize("name", ["rows", "rows.xlsx", "nowhere/rows.csv"])
def test_a_target_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="out = "):
        check_target(tmp_path / name)


def test_parquet_without_pyarrow_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *others: Any) -> Any:
        if name == "pyarrow":
            raise ImportError
        return real(name, *others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"natron\[parquet\]"):
        check_target(tmp_path / "rows.parquet")
