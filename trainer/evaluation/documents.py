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
    """Write JSON, an entry a line, whose numbers have six decimals; what is not a number is null."""
    parts = [f"{json.dumps(key)}: {_lines(_plain(value))}" for key, value in document.items()]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(json.dumps(one, allow_nan=False, separators=(",", ":")) for one in value) + "\n]"
    return json.dumps(value, allow_nan=False)


def _summary(found: Summary) -> dict[str, Any]:
    spread = {"std": found.std.as_dict()} if found.seeds > 1 else {}  # one fit has none
    return {"seeds": found.seeds, "mean": found.mean.as_dict(), **spread, "confusion": found.confusion}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value
