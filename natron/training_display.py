"""A training run on the terminal: bars while it goes, a line an epoch, tables at the end."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from inference_worker.records import MetricRecord, VariantRecord
    from trainer.epochs import Progress as Step
    from trainer.policy.training import PolicyReport
    from trainer.run_folder import EpochReport


class TrainingDisplay:
    """Two bars, the phase's epochs and the epoch's steps, where there is a terminal; else lines alone."""

    def __init__(self) -> None:
        self._console = Console()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=self._console, transient=True)
        self._rows: dict[str, tuple[TaskID, TaskID]] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def step(self, done: "Step") -> None:
        """Move the bars."""
        if done.task not in self._rows:
            for row in (task.id for task in self._bars.tasks):
                self._bars.remove_task(row)
            epochs = self._bars.add_task(f"{done.task}: steps, if every epoch is needed", total=1)
            self._rows[done.task] = (epochs, self._bars.add_task(f"{done.task}: this epoch", total=1))
        whole, epoch = self._rows[done.task]
        finished = (done.epoch - 1) * done.steps + done.step
        self._bars.update(whole, completed=finished, total=done.epochs * done.steps)
        self._bars.update(epoch, completed=done.step, total=done.steps)

    def epoch(self, done: "EpochReport") -> None:
        """Print what an epoch gave."""
        mark = "  best" if done.best else ""
        self._console.print(
            f"{done.task:<10} epoch {done.epoch:>3}/{done.epochs}  training loss {done.training_loss:.4f}  "
            f"validation {done.validation_log_loss:.4f}{mark}",
            highlight=False,
            soft_wrap=True,
        )

    def improvement(self, done: "PolicyReport") -> None:
        """Print what an improvement of the policy gave."""
        mark = "  best" if done.best else ""
        found = done.validation
        self._console.print(
            f"rl         episodes {done.episodes:>5,}/{done.of:,}  reward {done.reward:+.4f} usual moves a candle  "
            f"validation {found.log_equity:+.4f} log-equity, {found.score:+.1f} standard errors, "
            f"exposed {found.exposure:.0%}{mark}",
            highlight=False,
            soft_wrap=True,
        )


def print_metrics(metrics: "tuple[MetricRecord, ...]") -> None:
    """Print the test split's figures beside what needs no model."""
    table = Table("series", "head", "test candles", "accuracy", "majority", "persistence", "log-loss", min_width=100)
    for row in metrics:
        shares = (f"{value:.1%}" for value in (row.accuracy, row.majority, row.persistence))
        table.add_row(row.series, row.head, f"{row.candles:,}", *shares, f"{row.log_loss:.4f}")
    Console(width=110).print(table)


def print_variants(variants: "tuple[VariantRecord, ...]") -> None:
    """Print how far each variant is from the graph in float32."""
    for one in variants:
        worst = min(one.agreement, key=one.agreement.__getitem__)
        drift = max(one.drift.values())
        print(f"{one.file}: same class at {one.agreement[worst]:.2%} ({worst}) or more, drift up to {drift:.4f}")
