"""The loop that every phase shares: epochs, the best of them, and a checkpoint after each."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shared.settings.learning import PHASES, OptimizationSettings
from trainer.checkpoint import Checkpoint
from trainer.chunks import Batch
from trainer.machine import Machine
from trainer.optimization import Average, Optimizers, Schedule, Tensors
from trainer.run_folder import EpochReport, RunFolder

_MODULE, _BEST = "module.", "best."


@dataclass(frozen=True)
class Progress:
    """How far the epoch under way is."""

    task: str
    epoch: int
    epochs: int
    step: int  # done, of this epoch
    steps: int


@dataclass(frozen=True)
class Task:
    """What a phase learns."""

    name: str  # of its checkpoint and its reports
    phase: str  # of which it is a part
    module: nn.Module  # trained in place, and left at its best epoch
    epochs: int
    patience: int
    average: float  # decay of the averaged weights; 0: none
    batches: Callable[[np.random.Generator], Iterator[Batch]]  # of one epoch
    steps: int  # about as many are in an epoch
    loss: Callable[[nn.Module, Batch, Batch], Tensor]  # of the module's share of a batch, and the whole batch
    score: Callable[[], float]  # on the validation splits, by the module as it is


@dataclass(frozen=True)
class Run:
    """Where and for whom a phase runs."""

    machine: Machine
    optimization: OptimizationSettings
    seed: int
    report: Callable[[EpochReport], None] = lambda _: None
    progress: Callable[[Progress], None] = lambda _: None
    folder: RunFolder | None = None  # None: nothing is kept


def run_epochs(task: Task, run: Run) -> tuple[EpochReport, ...]:
    """Train a task's module, from its checkpoint where there is one, and leave it at its best epoch.

    Every epoch's order of chunks and dropout follow from the seed, the phase and the epoch alone, so that going on
    from a checkpoint gives the bits of a run that was never interrupted.
    """
    return _Loop(task, run).run()


class _Loop:
    """One phase under way."""

    def __init__(self, task: Task, run: Run) -> None:
        self._task, self._run = task, run
        self._module = task.module.to(run.machine.device)
        self._optimizers = Optimizers(self._module, run.optimization)
        self._schedule = Schedule(run.optimization, task.epochs, task.steps)
        self._average = Average(self._module, task.average)
        self._step = 0
        self._reports: list[EpochReport] = []
        self._kept: Tensors = {}  # the module at its best epoch
        self._restore()
        self._learner = run.machine.spread(self._module)

    def run(self) -> tuple[EpochReport, ...]:
        while not self._finished:
            loss = self._learn(len(self._reports) + 1)
            self._judge(loss)
            self._keep()
            if self._run.machine.main:
                self._run.report(self._reports[-1])
        self._module.load_state_dict(self._kept)
        self._module.eval()
        return tuple(self._reports)

    @property
    def _best(self) -> EpochReport | None:
        return next((one for one in reversed(self._reports) if one.best), None)

    @property
    def _finished(self) -> bool:
        best, done = self._best, len(self._reports)
        return done == self._task.epochs or (best is not None and done - best.epoch >= self._task.patience)

    def _learn(self, epoch: int) -> float:
        """One pass; the mean loss of its steps."""
        task, run = self._task, self._run
        place = (run.seed, PHASES.index(task.phase), epoch)
        torch.manual_seed(int(np.random.SeedSequence((*place, run.machine.rank)).generate_state(1)[0]))
        self._learner.train()
        total, count = torch.zeros((), dtype=torch.float64), 0
        for batch in task.batches(np.random.default_rng(place)):
            loss = task.loss(self._learner, run.machine.take(batch), batch)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizers.step(self._schedule.share(self._step))
            self._average.follow(self._step)
            self._step += 1
            count += 1
            total += loss.detach().double().cpu()
            run.progress(Progress(task.name, epoch, task.epochs, count, max(count, task.steps)))
        return float(run.machine.sum(total)) / run.machine.world / max(1, count)

    def _judge(self, loss: float) -> None:
        """Score the epoch on the validation splits, and keep its weights where they are the best."""
        self._module.eval()
        with self._average.applied():
            score = self._task.score()
            best = self._best
            better = best is None or score < best.validation_log_loss
            if better:
                self._kept = {name: value.detach().clone() for name, value in self._module.state_dict().items()}
        rate = self._run.optimization.learning_rate * self._schedule.share(max(0, self._step - 1))
        number, task = len(self._reports) + 1, self._task
        self._reports.append(EpochReport(number, task.epochs, loss, score, better, task.name, rate))
        self._schedule.finish_epoch(better)

    def _keep(self) -> None:
        if self._run.folder is None:
            return
        weights = {_MODULE + name: value for name, value in self._module.state_dict().items()}
        best = {_BEST + name: value for name, value in self._kept.items()}
        state: dict[str, Any] = {
            "step": self._step,
            "schedule": self._schedule.state,
            "reports": [asdict(one) for one in self._reports],
        }
        tensors = {**weights, **best, **self._average.tensors(), **self._optimizers.tensors()}
        self._run.folder.keep(self._task.name, Checkpoint(state, tensors))

    def _restore(self) -> None:
        found = None if self._run.folder is None else self._run.folder.checkpoint(self._task.name)
        if found is None:
            return
        self._module.load_state_dict(_under(_MODULE, found.tensors))
        device = self._run.machine.device
        self._kept = {name: value.to(device) for name, value in _under(_BEST, found.tensors).items()}
        self._step = found.state["step"]
        self._reports = [EpochReport(**one) for one in found.state["reports"]]
        self._schedule.restore(*found.state["schedule"])
        self._average.restore(found.tensors)
        self._optimizers.restore(found.tensors)


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
