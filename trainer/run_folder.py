"""What a training run keeps on disk: how to repeat it, how it went, and where to go on."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import TrainingError
from trainer.checkpoint import Checkpoint, write_whole

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

IDENTITY_NAME = "run.json"
HISTORY_NAME = "history.jsonl"
CURVES_NAME = "tensorboard"
_CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class EpochReport:
    """What one epoch gave. Validation losses are means over the heads, in nats; pretraining has its own loss."""

    epoch: int  # from 1
    epochs: int
    training_loss: float
    validation_log_loss: float
    best: bool
    task: str = "supervised"  # pretrain, ablation_pretrained, ablation_fresh or supervised
    rate: float = 0.0  # learning rate at its end


class RunFolder:
    """The folder of one run.

    ``run.json`` (settings, seed, versions, digest of the data), ``history.jsonl`` (an epoch a line), ``tensorboard/``
    (the same as curves), ``checkpoints/`` (one a phase, until the run is finished).

    Parameters
    ----------
    path
        Made where it is absent.
    identity
        Everything that the result depends on.
    resume
        Go on from the folder's checkpoints; else what is there is removed.
    writes
        False in all processes of a run but one: they read checkpoints only.

    Raises
    ------
    TrainingError
        The folder's run is another one, or the folder holds something else.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], resume: bool, writes: bool = True) -> None:
        self.path = path
        self._reports: dict[str, list[EpochReport]] = {}
        self._writer: SummaryWriter | None = None
        self._writes = writes
        if writes:
            self._open(identity, resume)

    def _open(self, identity: Mapping[str, Any], resume: bool) -> None:
        path = self.path
        known = path / IDENTITY_NAME
        check_run(path)
        if known.exists() and resume:
            _check_same(path, json.loads(known.read_bytes()), json.loads(json.dumps(identity)))
        elif known.exists():
            for name in (_CHECKPOINTS, CURVES_NAME):
                shutil.rmtree(path / name, ignore_errors=True)
        path.mkdir(parents=True, exist_ok=True)
        write_whole(known, json.dumps(identity, indent=1).encode())
        shutil.rmtree(path / CURVES_NAME, ignore_errors=True)  # drawn anew, so that no epoch is in them twice

    def checkpoint(self, task: str) -> Checkpoint | None:
        """Read where a task stood; None where it has not finished an epoch."""
        found = Checkpoint.read(self.path / _CHECKPOINTS / task)
        if found is not None and self._writes:
            self._reports[task] = [EpochReport(**one) for one in found.state["reports"]]
            self._write_history()
            self._draw(task, self._reports[task])
        return found

    def keep(self, task: str, checkpoint: Checkpoint) -> None:
        """Keep a task's state after an epoch, and the epoch in the history."""
        if not self._writes:
            return
        folder = self.path / _CHECKPOINTS / task
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.write(folder)
        self._reports[task] = [EpochReport(**one) for one in checkpoint.state["reports"]]
        self._write_history()
        self._draw(task, self._reports[task][-1:])

    def close(self) -> None:
        """Close the curves; the checkpoints stay until the bundle is written."""
        if self._writer is not None:
            self._writer.close()

    def _write_history(self) -> None:
        lines = [json.dumps(asdict(one)) for reports in self._reports.values() for one in reports]
        write_whole(self.path / HISTORY_NAME, "".join(line + "\n" for line in lines).encode())

    def _draw(self, task: str, reports: list[EpochReport]) -> None:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - takes a second to import

            self._writer = SummaryWriter(str(self.path / CURVES_NAME))
        for one in reports:
            for name in ("training_loss", "validation_log_loss", "rate"):
                self._writer.add_scalar(f"{task}/{name}", getattr(one, name), one.epoch)
        self._writer.flush()


def check_run(path: Path) -> None:
    """Raise TrainingError where a run cannot be kept in ``path``; leaves no trace."""
    check_writable("run", path)
    if path.is_dir() and any(path.iterdir()) and not (path / IDENTITY_NAME).exists():
        raise TrainingError("run", str(path), "holds files and is no run", "name a new folder")


def check_writable(field: str, path: Path) -> None:
    """Raise TrainingError where a folder cannot be made or written; leaves no trace."""
    there = path.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):  # asking for permission is not enough: a folder may take no files
            pass
    except OSError as error:
        rule = f"cannot be written, because of {there}: {error.strerror}"
        raise TrainingError(field, str(path), rule, "name another folder") from None


def drop_checkpoints(path: Path) -> None:
    """Remove a run's checkpoints: it is done."""
    shutil.rmtree(path / _CHECKPOINTS, ignore_errors=True)


def _check_same(path: Path, found: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse to go on from a run whose result would be another one."""
    for key in sorted({*found, *asked}):
        before, now = found.get(key), asked.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            _check_same(path, before, now)
        elif before != now:
            rule = f"is not what the run in {path} was begun with, which is {before!r}"
            raise TrainingError(f"resume: {key}", now, rule, "repeat its command, or start anew without --resume")
