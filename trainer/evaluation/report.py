"""``report.html``: one file without links, every figure beside majority, persistence and a market without a signal."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from trainer.evaluation.ablation import Ablation
from trainer.evaluation.equity import COST_TIMES, EquityCurve
from trainer.evaluation.placebos import Placebo
from trainer.evaluation.predictions import ALL
from trainer.evaluation.tables import TEST, Difference, Row

REPORT_NAME = "report.html"
_ORDER = ("model", "majority", "persistence", "walk", "logistic", "lightgbm", "walk_persistence", "walk_model")
_METRICS = {
    "accuracy": "{:.1%}",
    "balanced_accuracy": "{:.1%}",
    "macro_f1": "{:.3f}",
    "mcc": "{:.3f}",
    "auc": "{:.3f}",
    "log_loss": "{:.4f}",
    "log_loss_skill": "{:.3f}",
    "brier": "{:.4f}",
    "ece": "{:.3f}",
}
Table = tuple[str, Sequence[str], Sequence[Sequence["Text"]]]


@dataclass(frozen=True)
class Text:
    """One cell of a table; ``mark`` is ``ahead`` or ``behind`` where the interval excludes 0."""

    text: str
    mark: str = ""


def write_report(
    path: Path,
    metrics: Mapping[str, Any],
    rows: Sequence[Row],
    tables: Iterable[Table],
    figures: Mapping[str, tuple[str, bytes]],
    notes: Sequence[str],
) -> None:
    """Write the page; ``figures`` is file name -> (title, PNG)."""
    source = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)
    seeds = metrics["seeds"]
    made = "The bundle's own graph, as a worker serves it." if seeds == 1 else f"{seeds} fits of the bundle's settings."
    series = sorted({row.series for row in rows} - {ALL})
    text = page.render(
        bundle=metrics["bundle"],
        model_line=f"{made} Series: {', '.join(series)}. Baselines answer the very same candles.",
        reads=metrics["test_split_reads"],
        notes=notes,
        tables=list(tables),
        figures=[(name, title, base64.b64encode(png).decode()) for name, (title, png) in figures.items()],
    )
    path.write_text(text, encoding="utf-8")


def accuracy_table(rows: Sequence[Row], differences: Sequence[Difference]) -> Table:
    """Accuracy of every head and series; what the intervals say of model - baseline is coloured."""
    found = {(one.series, one.head, one.baseline): one for one in differences if one.metric == "accuracy"}
    lines = []
    for row in rows:
        if row.fold != TEST:
            continue
        line = [Text(row.head), Text(row.series), Text(f"{row.candles:,}")]
        for name in _ORDER[:6]:
            summary = row.summaries[name]
            spread = f" ± {summary.std.accuracy:.1%}" if summary.seeds > 1 else ""
            line.append(Text(f"{summary.mean.accuracy:.1%}{spread}"))
        for baseline in ("persistence", "lightgbm"):
            one = found[row.series, row.head, baseline]
            line.append(Text(f"{one.value:+.1%} ({one.low:+.1%}, {one.high:+.1%})", _mark(one)))
        lines.append(line)
    columns = ("head", "series", "candles", *_ORDER[:6], "- persistence (95 %)", "- lightgbm (95 %)")
    return "Accuracy on the test split", columns, lines


def metrics_table(rows: Sequence[Row]) -> Table:
    """Every figure of every head, all series together, each estimator a line."""
    whole = _whole(rows)
    lines = [
        [
            Text(row.head),
            Text(name.replace("_", " ")),
            *(Text(form.format(getattr(row.summaries[name].mean, metric))) for metric, form in _METRICS.items()),
        ]
        for row in whole
        for name in _ORDER
    ]
    title = "Every figure, all series together" if whole and whole[0].series == ALL else "Every figure"
    return title, ("head", "of", *(name.replace("_", " ") for name in _METRICS)), lines


def classification_table(rows: Sequence[Row], classes: Mapping[str, Sequence[str]]) -> Table:
    """Precision, recall and F1 of each class, the model's."""
    lines = []
    for row in _whole(rows):
        counts = row.model.confusion
        for index, name in enumerate(classes[row.head]):
            hits, true = counts[index][index], sum(counts[index])
            named = sum(line[index] for line in counts)
            precision, recall = hits / max(named, 1), hits / max(true, 1)
            f1 = 2 * precision * recall / max(precision + recall, 1e-12)
            share = true / max(row.candles, 1)
            lines.append(
                [Text(row.head), Text(name), *(Text(f"{value:.1%}") for value in (precision, recall, f1, share))]
            )
    return "Classes (the model, first seed)", ("head", "class", "precision", "recall", "F1", "share of candles"), lines


def fold_table(rows: Sequence[Row]) -> Table:
    """Accuracy of walk-forward folds, all series together."""
    lines = [
        [
            Text(row.head),
            Text(str(row.fold)),
            Text(f"{row.candles:,}"),
            *(Text(f"{row.summaries[name].mean.accuracy:.1%}") for name in _ORDER[:6]),
        ]
        for row in folds_of(rows)
    ]
    return "Walk-forward folds", ("head", "fold", "candles", *_ORDER[:6]), lines


def equity_table(curves: Sequence[EquityCurve]) -> Table:
    """The rule's figures at each level of costs."""
    lines = []
    for curve in curves:
        for times in COST_TIMES:
            found, bounds = curve.figures[times], curve.sharpe[times]
            lines.append(
                [
                    Text(curve.series),
                    Text(f"x {times:g}"),
                    Text(f"{found.trades:,}"),
                    Text(f"{found.total_return:+.1%}"),
                    Text(f"{found.sharpe:.2f} ({bounds.low:.2f}, {bounds.high:.2f})"),
                    Text(f"{found.deflated_sharpe:.2f}"),
                    Text(f"{found.max_drawdown:.1%}"),
                    Text(f"{curve.hold.total_return:+.1%}"),
                    Text(f"{curve.persistence.total_return:+.1%}"),
                ]
            )
    columns = (
        "series",
        "costs",
        "trades",
        "return",
        "Sharpe (95 %)",
        "deflated Sharpe",
        "drawdown",
        "hold",
        "persistence",
    )
    return "Trading long_win and short_win (expected value above costs)", columns, lines


def pretraining_table(found: Ablation | None) -> Table:
    """Validation losses of both starts, and which one was kept."""
    if found is None:
        return "Pretraining", ("start",), [[Text("not pretrained")]]
    lines = []
    for name, loss in (("pretrained", found.pretrained), ("fresh", found.fresh)):
        shown = "not measured" if loss is None else f"{loss:.4f}"
        lines.append([Text(name), Text(shown), Text("yes" if name == found.kept else "no")])
    epochs = "" if found.epochs is None else f" after {found.epochs} supervised epochs"
    return "Pretraining", ("start", f"validation loss{epochs}", "kept"), lines


def placebo_table(found: Sequence[Placebo]) -> Table:
    """What the placebos gave, and what they must."""
    lines = [
        [
            Text(one.name),
            Text(one.figure),
            Text(f"{one.value:.4f}", "ahead" if one.passed else "behind"),
            Text(f"{one.low:.3f} to {one.high:.3f}"),
            Text("yes" if one.passed else "NO"),
        ]
        for one in found
    ]
    return "Placebos", ("placebo", "figure", "found", "must be", "passed"), lines


def folds_of(rows: Sequence[Row]) -> list[Row]:
    """Rows of walk-forward folds, all series together."""
    later = [row for row in rows if row.fold > TEST]
    together = [row for row in later if row.series == ALL]
    return together or later


def _whole(rows: Sequence[Row]) -> list[Row]:
    """Rows of the test split over all series; of one series that one's."""
    test = [row for row in rows if row.fold == TEST]
    return [row for row in test if row.series == ALL] or test


def _mark(one: Difference) -> str:
    return "ahead" if one.low > 0 else "behind" if one.high < 0 else ""
