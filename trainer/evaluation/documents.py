"""``metrics.json``: every figure of an evaluation. Its schema is docs/evaluation.md's."""

import json
import math
from pathlib import Path
from typing import Any

from shared.contracts import Series
from trainer.evaluation.predictions import ALL
from trainer.evaluation.tables import Row, Summary

SCHEMA_VERSION = 1
METRICS_NAME = "metrics.json"
_DIGITS = 6


def row_document(row: Row) -> dict[str, Any]:
    """One head on one series and fold: estimator -> figures."""
    return {
        "fold": row.fold,
        "series": row.series,
        "symbol": None if row.series == ALL else Series.from_key(row.series).symbol,
        "head": row.head,
        "candles": row.candles,
        **{name: _summary(found) for name, found in row.summaries.items()},
    }


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write JSON whose numbers have six decimals; what is not a number is null."""
    path.write_text(json.dumps(_plain(document), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _summary(found: Summary) -> dict[str, Any]:
    return {
        "seeds": found.seeds,
        "mean": found.mean.as_dict(),
        "std": found.std.as_dict(),
        "confusion": found.confusion,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value
