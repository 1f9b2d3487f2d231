"""The tidy table that every figure comes from: one row a prediction, one column an estimator's class.

Columns: ``t`` (open time of the candle, UTC epoch ms), ``symbol``, ``timeframe``, ``fold`` (0: the test split; 1 and
up: walk-forward), ``seed`` (0 and up, a refit each), ``head``, ``label`` (class index), and ``p_ESTIMATOR_CLASS``
(float32, NaN beyond the head's classes). Only candles whose label is known have a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inference_worker.bundle import HEADS
from shared.contracts import Series
from trainer.labels.heads import UNLABELLED

MODEL = "natron"
MAJORITY, PERSISTENCE, LOGISTIC, LIGHTGBM = "majority", "persistence", "logistic", "lightgbm"
BASELINES = (MAJORITY, PERSISTENCE, LOGISTIC, LIGHTGBM)
ESTIMATORS = (MODEL, *BASELINES)
CLASSES_MAX = max(map(len, HEADS.values()))
ALL = "all"  # the name of all series together

Probabilities = NDArray[np.float32]  # (N, classes), rows sum to 1
Labels = NDArray[np.int8]  # (N,)
_KEYS = ["symbol", "timeframe", "fold", "seed", "head"]


@dataclass(frozen=True)
class Answers:
    """What every estimator said of one head at the candles of one series, and what came true."""

    series: Series
    head: str
    fold: int
    seed: int
    t: NDArray[np.int64]  # (N,)
    labels: Labels  # (N,), UNLABELLED where unknown
    probabilities: Mapping[str, Probabilities]  # estimator -> (N, classes)


def tabulate(answers: Sequence[Answers]) -> pd.DataFrame:
    """One row a known label, in the order of series, head, fold, seed and time."""
    table = pd.concat([_rows(one) for one in answers], ignore_index=True)
    for name in ("symbol", "timeframe", "head"):
        table[name] = table[name].astype("category")
    return table.sort_values([*_KEYS, "t"], kind="stable", ignore_index=True)


def _rows(answers: Answers) -> pd.DataFrame:
    known = answers.labels != UNLABELLED
    columns: dict[str, object] = {
        "t": answers.t[known],
        "symbol": answers.series.symbol,
        "timeframe": answers.series.timeframe,
        "fold": np.int8(answers.fold),
        "seed": np.int8(answers.seed),
        "head": answers.head,
        "label": answers.labels[known],
    }
    for estimator in ESTIMATORS:
        found = answers.probabilities[estimator][known].astype(np.float32)
        for index in range(CLASSES_MAX):
            inside = index < found.shape[1]
            columns[column(estimator, index)] = found[:, index] if inside else np.full(len(found), np.nan, np.float32)
    return pd.DataFrame(columns)


def column(estimator: str, index: int) -> str:
    """Name of the column with an estimator's probability of one class."""
    return f"p_{estimator}_{index}"


def rows_of_series(table: pd.DataFrame, key: str, head: str) -> pd.DataFrame:
    """The test split's rows of one series and head, first seed, in order of time."""
    series = Series.from_key(key)
    own = (table["symbol"] == series.symbol) & (table["timeframe"] == series.timeframe) & (table["head"] == head)
    return table[own & (table["fold"] == 0) & (table["seed"] == 0)].sort_values("t")


def probabilities_of(table: pd.DataFrame, estimator: str, classes: int) -> NDArray[np.float64]:
    """(N, classes) probabilities of rows of one head, made to sum to 1 again after float32."""
    found = table[[column(estimator, index) for index in range(classes)]].to_numpy(np.float64)
    whole: NDArray[np.float64] = found / found.sum(1, keepdims=True)
    return whole


def write_predictions(path: Path, table: pd.DataFrame) -> None:
    """Write ``predictions.parquet``."""
    table.to_parquet(path, engine="pyarrow", compression="zstd", index=False)
