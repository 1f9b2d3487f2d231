"""What an evaluation found, and the files that show it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inference_worker.bundle import HEADS
from shared.settings.groups import Settings
from trainer.evaluation import charts, report
from trainer.evaluation.ablation import Ablation
from trainer.evaluation.collection import Collection
from trainer.evaluation.documents import METRICS_NAME, row_document
from trainer.evaluation.equity import EquityCurve, trade
from trainer.evaluation.placebos import Placebo
from trainer.evaluation.predictions import ALL, MODEL, probabilities_of, rows_of_series
from trainer.evaluation.report import REPORT_NAME
from trainer.evaluation.tables import TEST, Cell, Difference, Row, cells
from trainer.histories import Lesson

Figures = Mapping[str, tuple[str, bytes]]  # file name -> (title, PNG)


@dataclass(frozen=True)
class Findings:
    """Figures, and intervals of their differences; ``ablation`` is None where the bundle was not pretrained."""

    rows: Sequence[Row]
    differences: Sequence[Difference]
    equity: Sequence[EquityCurve]
    placebos: Sequence[Placebo]
    ablation: Ablation | None = None

    def document(self) -> dict[str, Any]:
        """Their part of ``metrics.json``."""
        return {
            "figures": [row_document(row) for row in self.rows],
            "differences": [asdict(one) for one in self.differences],
            "equity": [curve.document() for curve in self.equity],
            "placebos": [one.document() for one in self.placebos],
            "pretraining": self.ablation.document() if self.ablation else None,
        }


def equity_of(table: pd.DataFrame, lesson: Lesson, settings: Settings, trials: int) -> list[EquityCurve]:
    """Trade every series on the win heads, where the bundle has them."""
    if "long_win" not in set(table["head"]):
        return []
    own = settings.evaluation
    bounds = own.block, own.resamples
    horizon = settings.labels.win_horizon
    return [trade(table, one, settings.backtest, horizon, trials, bounds) for one in lesson.series]


def draw_figures(table: pd.DataFrame, found: Findings, collection: Collection) -> Figures:
    """Every figure of the report."""
    whole = _together(table)
    rows = [row for row in found.rows if row.fold == TEST and row.series in {ALL, *_only(found.rows)}]
    figures = {
        "confusion.png": ("Confusion matrices", charts.confusion_matrices(rows)),
        "reliability.png": ("Reliability after temperature scaling", charts.reliability_diagrams(whole)),
        "roc.png": ("ROC and precision-recall, one class against the rest", charts.roc_curves(whole)),
        "risk.png": ("Risk and coverage: error of the most confident", charts.risk_coverage(whole)),
        "ribbon.png": ("Regimes over price", _ribbon(table, collection.lesson)),
    }
    if found.equity:
        figures["equity.png"] = ("Equity with costs, and drawdown", charts.equity_curves(found.equity))
    later = report.folds_of(found.rows)
    if later:
        figures["folds.png"] = ("Walk-forward folds", charts.folds(later))
    if collection.curves:
        figures["learning.png"] = ("Learning curves", charts.learning_curves(collection.curves))
    return figures


def write_pages(out: Path, metrics: Mapping[str, Any], found: Findings, figures: Figures, notes: Sequence[str]) -> None:
    """Write the report and its figures."""
    for name, (_, png) in figures.items():
        (out / name).write_bytes(png)
    tables = [
        report.accuracy_table(found.rows, found.differences),
        report.metrics_table(found.rows),
        report.classification_table(found.rows, HEADS),
    ]
    if found.equity:
        tables.append(report.equity_table(found.equity))
    if metrics["folds"]:
        tables.append(report.fold_table(found.rows))
    tables.append(report.pretraining_table(found.ablation))
    if found.placebos:
        tables.append(report.placebo_table(found.placebos))
    report.write_report(out / REPORT_NAME, metrics, found.rows, tables, figures, notes)


def publish(out: Path, bundle: Path) -> None:
    """Put figures and pages, which are small, into the bundle's ``report`` folder, in place of what was there."""
    folder = bundle / "report"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in (out / METRICS_NAME, out / REPORT_NAME, *sorted(out.glob("*.png"))):
        shutil.copyfile(path, folder / path.name)


def _only(rows: Sequence[Row]) -> set[str]:
    """The series, where there is but one."""
    series = {row.series for row in rows}
    return series if len(series) == 1 else set()


def _together(table: pd.DataFrame) -> dict[str, Cell]:
    """Head -> all series of the test split."""
    found = list(cells(table[table["fold"] == TEST]))
    together = {head: cell for (_, series, head), cell in found if series == ALL}
    own = together or {head: cell for (_, _, head), cell in found}
    return {head: own[head] for head in HEADS if head in own}


def _ribbon(table: pd.DataFrame, lesson: Lesson) -> bytes:
    one = lesson.series[0]
    rows = rows_of_series(table, one.key, "regime")
    candles = one.candles[np.isin(one.candles["t"], rows["t"].to_numpy())]
    named = probabilities_of(rows, MODEL, len(HEADS["regime"])).argmax(1)
    return charts.regime_ribbon(one.key, candles, named, rows["label"].to_numpy())
