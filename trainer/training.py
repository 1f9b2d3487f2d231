"""One training run: files in, a bundle out."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from producer.history import read_history
from shared.contracts import Series, encode_symbol
from shared.errors import TrainingError
from trainer.bundling import check_out
from trainer.epochs import Progress
from trainer.histories import History
from trainer.request import CsvSpec, TrainingRequest, TrainingResult
from trainer.run import train_histories
from trainer.run_folder import EpochReport, check_run
from trainer.variants import check_kinds


def train(
    request: TrainingRequest,
    report: Callable[[EpochReport], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> TrainingResult:
    """Read the files of a request and train on them.

    Parameters
    ----------
    report
        Called after every epoch.
    progress
        Called after every step.

    Raises
    ------
    TrainingError
        The folder cannot be written, or the histories cannot be learned from; before any training.
    InputError
        A file cannot be read, or is not what the request says.
    """
    check_out(request.out)
    check_run(request.run_folder)
    check_kinds(request.variants)
    histories, notes = read_histories(request.csv)
    return train_histories(request, histories, notes, report, progress)


def read_histories(csv: Sequence[CsvSpec]) -> tuple[list[History], list[str]]:
    """Read files; what was assumed of them comes as notes, a sentence each.

    Raises
    ------
    TrainingError, InputError
        A file cannot be read, holds nothing, or is not what is said of it.
    """
    read = [_read(spec) for spec in csv]
    return [history for history, _ in read], [note for _, notes in read for note in notes]


def _read(spec: CsvSpec) -> tuple[History, Sequence[str]]:
    symbol = spec.symbol or spec.path.stem.split("_")[0]
    encode_symbol(symbol)
    found = read_history(spec.path, spec.timeframe, spec.tz)
    closed = found.candles[:-1]  # the newest row has no successor that shows it closed
    if not len(closed):
        raise TrainingError("csv", str(spec.path), "holds no closed candle", "give a longer history")
    notes = []
    if found.report.tz_source == "assumed":
        notes.append(f"{spec.path.name}: no zone given and none in the stamps, read as UTC")
    if found.report.refused:
        notes.append(f"{spec.path.name}: {found.report.refused} rows refused, as they are no candles")
    if found.report.conflicts:
        notes.append(f"{spec.path.name}: {found.report.conflicts} rows contradict an earlier one of their time")
    spread = found.spread[:-1] if found.spread is not None and found.spread_in_price else None
    history = History(Series(symbol, found.report.timeframe), closed, found.report.tz, _sha256(spec.path), spread)
    return history, notes


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
