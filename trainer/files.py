"""Files of candles, as a training run reads them: whole, closed, and without anything that could spoil a lesson."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from producer.history import HistoryReport, read_history
from shared.contracts import Series, encode_symbol
from shared.errors import TrainingError
from trainer.histories import History
from trainer.request import CsvSpec

REFUSED_SHARE_MAX = 0.01  # of a file's rows that may be no candles; more, and the file is not what it seems
_NUMBERS = ("text", "not_finite")  # reasons of rows whose number is none


def read_spec(spec: CsvSpec) -> tuple[History, Sequence[str]]:
    """Read one file, an export or a Parquet table of candles.

    Returns
    -------
    Its closed candles, and what was assumed of it, a sentence each.

    Raises
    ------
    InputError
        The file cannot be read, holds two timeframes, or is not what the specification says.
    TrainingError
        It holds no closed candle, a number that is none, or many rows that are no candles.
    """
    symbol = spec.symbol or spec.path.stem.split("_")[0]
    encode_symbol(symbol)
    found = read_history(spec.path, spec.timeframe, spec.tz)
    _check_rows(spec.path, found.report)
    closed = found.candles[:-1]  # the newest row has no successor that shows it closed
    if not len(closed):
        raise TrainingError("csv", str(spec.path), "holds no closed candle", "give a longer history")
    spread = found.spread[:-1] if found.spread is not None and found.spread_in_price else None
    history = History(Series(symbol, found.report.timeframe), closed, found.report.tz, _sha256(spec.path), spread)
    return history, _notes(spec.path, found.report)


def read_specs(specs: Sequence[CsvSpec]) -> tuple[list[History], list[str]]:
    """Read every file, as ``read_spec`` does: histories, and what was assumed of them."""
    read = [read_spec(spec) for spec in specs]
    return [history for history, _ in read], [note for _, notes in read for note in notes]


def _check_rows(path: Path, report: HistoryReport) -> None:
    for reason, found in report.reasons.items():
        first = found["examples"][0]
        where = f"{path.name}, line {first['line']}, {first['field']}"
        if reason in _NUMBERS:
            raise TrainingError(
                where, first["value"], found["rule"], f"mend the {found['count']} rows, or leave them out"
            )
    if report.refused > REFUSED_SHARE_MAX * (report.rows + report.refused):
        reason, found = max(report.reasons.items(), key=lambda item: item[1]["count"])
        first = found["examples"][0]
        rule = f"{found['rule']}; so are {report.refused} of {report.rows + report.refused} rows refused"
        mend = "give one timeframe a file" if reason == "grid" else "give a clean export"
        raise TrainingError(f"{path.name}, line {first['line']}, {first['field']}", first["value"], rule, mend)


def _notes(path: Path, report: HistoryReport) -> list[str]:
    notes = []
    if report.tz_source == "assumed":
        notes.append(f"{path.name}: no zone given and none in the stamps, read as UTC")
    if report.refused:
        notes.append(f"{path.name}: {report.refused} rows refused, as they are no candles")
    if report.conflicts:
        notes.append(f"{path.name}: {report.conflicts} rows contradict an earlier one of their time")
    return notes


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
