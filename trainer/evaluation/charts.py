"""Figures of the report, as PNG bytes; functions of the tidy table and of what was made from it."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image
from sklearn.metrics import precision_recall_curve, roc_curve

from inference_worker.bundle import HEADS
from shared.contracts import REGIMES, Candles
from trainer.evaluation.equity import EquityCurve
from trainer.evaluation.figures import Floats, reliability
from trainer.evaluation.predictions import LIGHTGBM, LOGISTIC, MODEL, PERSISTENCE
from trainer.evaluation.tables import Cell, Row
from trainer.run_folder import EpochReport

DPI = 80  # keeps the whole report below a megabyte, as do
COLOURS_MAX = 64
CURVE_POINTS = 400  # of a ROC or precision-recall curve
RIBBON_CANDLES = 600  # newest of the first series
COLOURS = {MODEL: "#1f6feb", LIGHTGBM: "#d9822b", LOGISTIC: "#7d8590", "majority": "#bbbbbb", "persistence": "#8250df"}
RIBBON = ("#1a7f37", "#7bc47f", "#d0d7de", "#f0a3a3", "#c62828", "#8250df")  # a colour a regime

Cells = Mapping[str, Cell]  # head -> all series together


def confusion_matrices(rows: Sequence[Row]) -> bytes:
    """A matrix a head, all series together, each row of a matrix in shares of its true class."""
    lines = -(-len(rows) // 4)
    figure = Figure(figsize=(13, 3.3 * lines), layout="constrained")
    grid = figure.subplots(lines, 4, squeeze=False).flat
    for axes, row in zip(grid, _padded(rows, 4 * lines), strict=True):
        if row is None:
            axes.axis("off")
            continue
        counts = np.array(row.model.confusion, float)
        shares = counts / counts.sum(1, keepdims=True).clip(1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        names = HEADS[row.head]
        axes.set_xticks(range(len(names)), names, rotation=60, fontsize=6)
        axes.set_yticks(range(len(names)), names, fontsize=6)
        for (true, named), share in np.ndenumerate(shares):
            axes.text(named, true, f"{share:.0%}", ha="center", va="center", fontsize=6, color=_ink(share))
        axes.set_title(f"{row.head}: named (x), true (y)", fontsize=8)
    return _png(figure)


def reliability_diagrams(cells: Cells) -> bytes:
    """How often the named class is right, against the probability it was given."""
    lines = -(-len(cells) // 4)
    figure = Figure(figsize=(13, 3 * lines), layout="constrained")
    grid = figure.subplots(lines, 4, squeeze=False).flat
    for axes, head in zip(grid, _padded(list(cells), 4 * lines), strict=True):
        if head is None:
            axes.axis("off")
            continue
        cell = cells[head]
        axes.plot([0, 1], [0, 1], color="black", lw=0.5)
        for name in (MODEL, LIGHTGBM, LOGISTIC):
            bins = reliability(cell.labels, cell.probabilities[name][0])
            points = [(sure.mean(), right.mean()) for sure, right in bins]
            axes.plot(*zip(*points, strict=True), "o-", ms=3, lw=1, color=COLOURS[name], label=name)
        low = 1 / len(HEADS[head])
        axes.set(xlim=(low, 1), ylim=(max(0, low - 0.15), 1), title=head, xlabel="probability", ylabel="right")
        axes.legend(fontsize=6)
    return _png(figure)


def roc_curves(cells: Cells) -> bytes:
    """ROC above, precision-recall below; of more than two classes the curve of all one-against-rest answers."""
    figure = Figure(figsize=(14, 5.5), layout="constrained")
    grid = figure.subplots(2, len(cells), squeeze=False)
    for column, (head, cell) in enumerate(cells.items()):
        for name in (MODEL, LIGHTGBM, LOGISTIC):
            truth, scores = _one_against_rest(cell, name)
            false, true, _ = roc_curve(truth, scores)
            precision, recall, _ = precision_recall_curve(truth, scores)
            grid[0, column].plot(*_thin(false, true), lw=1, color=COLOURS[name], label=name)
            grid[1, column].plot(*_thin(recall, precision), lw=1, color=COLOURS[name])
        grid[0, column].plot([0, 1], [0, 1], color="black", lw=0.5)
        grid[1, column].axhline(truth.mean(), color="black", lw=0.5)
        grid[0, column].set_title(head, fontsize=8)
        grid[0, column].set_xlabel("false positives", fontsize=7)
        grid[1, column].set_xlabel("recall", fontsize=7)
    grid[0, 0].set_ylabel("true positives", fontsize=7)
    grid[1, 0].set_ylabel("precision", fontsize=7)
    grid[0, 0].legend(fontsize=6)
    return _png(figure)


def risk_coverage(cells: Cells) -> bytes:
    """Error among the candles answered, when only the most confident share is answered."""
    figure = Figure(figsize=(13, 3), layout="constrained")
    for axes, (head, cell) in zip(figure.subplots(1, len(cells), squeeze=False)[0], cells.items(), strict=True):
        for name in (MODEL, LIGHTGBM, PERSISTENCE):
            probabilities = cell.probabilities[name][0]
            order = np.argsort(-probabilities.max(1), kind="stable")
            wrong = (probabilities.argmax(1) != cell.labels)[order]
            covered = np.arange(1, len(wrong) + 1) / len(wrong)
            keep = covered >= 0.05  # fewer candles are noise
            axes.plot(
                *_thin(covered[keep], (wrong.cumsum() / np.arange(1, len(wrong) + 1))[keep]),
                lw=1,
                color=COLOURS[name],
                label=name,
            )
        axes.set_title(head, fontsize=8)
        axes.set_xlabel("coverage", fontsize=7)
    figure.axes[0].set_ylabel("error", fontsize=7)
    figure.axes[0].legend(fontsize=6)
    return _png(figure)


def folds(rows: Sequence[Row]) -> bytes:
    """Accuracy of each walk-forward fold, a head a panel, all series together."""
    heads = list(dict.fromkeys(row.head for row in rows))
    figure = Figure(figsize=(13, 3), layout="constrained")
    for axes, head in zip(figure.subplots(1, len(heads), squeeze=False)[0], heads, strict=True):
        own = [row for row in rows if row.head == head]
        at = [row.fold for row in own]
        for name in ("model", "lightgbm", "persistence", "majority"):
            values = [row.summaries[name].mean.accuracy for row in own]
            axes.plot(at, values, "o-", ms=3, lw=1, color=COLOURS[MODEL if name == "model" else name], label=name)
        axes.set_title(head, fontsize=8)
        axes.set_xticks(at)
        axes.set_xlabel("fold", fontsize=7)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.axes[0].legend(fontsize=6)
    return _png(figure)


def learning_curves(curves: Mapping[str, Sequence[EpochReport]]) -> bytes:
    """Training loss and validation log-loss by epoch, a line a fit."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, epochs in curves.items():
        own = [one for one in epochs if one.task == "supervised"]
        left.plot([one.epoch for one in own], [one.training_loss for one in own], lw=1, label=name)
        right.plot([one.epoch for one in own], [one.validation_log_loss for one in own], lw=1, label=name)
    left.set(title="training loss", xlabel="epoch", ylabel="nats")
    right.set(title="validation log-loss", xlabel="epoch", ylabel="nats")
    right.legend(fontsize=6)
    return _png(figure)


def regime_ribbon(series: str, candles: Candles, named: np.ndarray, true: np.ndarray) -> bytes:
    """Closes of the newest candles over ribbons of the regime that was foreseen and that came."""
    closes, named, true = candles["c"][-RIBBON_CANDLES:], named[-RIBBON_CANDLES:], true[-RIBBON_CANDLES:]
    figure = Figure(figsize=(13, 4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    above.plot(closes, color="black", lw=0.8)
    above.set_title(f"{series}: close, and the regime foreseen (upper ribbon) and come (lower)", fontsize=8)
    colours = mpl.colors.ListedColormap(RIBBON)
    below.imshow(np.stack([named, true]), aspect="auto", cmap=colours, vmin=-0.5, vmax=5.5, interpolation="nearest")
    below.set_yticks([0, 1], ["foreseen", "came"], fontsize=7)
    handles = [mpl.patches.Patch(color=colour, label=name) for colour, name in zip(RIBBON, REGIMES, strict=True)]
    above.legend(handles=handles, fontsize=6, ncols=6)
    return _png(figure)


def equity_curves(curves: Sequence[EquityCurve]) -> bytes:
    """Equity at 0, 1 and 2 times the costs above, drawdown at the real costs below, a series a column."""
    figure = Figure(figsize=(2.6 * max(len(curves), 2), 4), layout="constrained")
    grid = figure.subplots(2, len(curves), squeeze=False, sharex="col", height_ratios=[3, 1])
    for column, curve in enumerate(curves):
        times = curve.times.astype("datetime64[ms]")
        for costs, equity in curve.log_equity.items():
            grid[0, column].plot(*_thin(times, np.exp(equity)), lw=0.8, label=f"costs x {costs:g}")
        real = curve.log_equity[1.0]
        peak = np.maximum.accumulate(np.maximum(real, 0))
        grid[1, column].plot(*_thin(times, np.expm1(real - peak)), lw=0.8, color="#c62828")
        grid[0, column].set_title(curve.series, fontsize=8)
        grid[1, column].tick_params("x", rotation=60, labelsize=6)
    grid[0, 0].set_ylabel("equity", fontsize=7)
    grid[1, 0].set_ylabel("drawdown", fontsize=7)
    grid[0, 0].legend(fontsize=6)
    return _png(figure)


def _one_against_rest(cell: Cell, name: str) -> tuple[np.ndarray, Floats]:
    probabilities = cell.probabilities[name][0]
    if probabilities.shape[1] == 2:
        return cell.labels == 1, probabilities[:, 1]
    return (np.eye(probabilities.shape[1])[cell.labels] == 1).ravel(), probabilities.ravel()


def _thin(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most ``CURVE_POINTS`` points of a line, both ends among them."""
    at = np.unique(np.linspace(0, len(x) - 1, CURVE_POINTS).astype(int))
    return x[at], y[at]


def _padded(found: Sequence, count: int) -> list:  # type: ignore[type-arg]
    return [*found, *[None] * (count - len(found))]


def _ink(share: float) -> str:
    return "white" if share > 0.6 else "black"


def _png(figure: Figure) -> bytes:
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    Image.open(drawn).convert("RGB").quantize(COLOURS_MAX).save(small, format="png", optimize=True)
    return small.getvalue()
