"""One training run: files in, a bundle out."""

from collections.abc import Callable, Sequence

from trainer.bundling import check_out
from trainer.epochs import Progress
from trainer.files import read_spec
from trainer.histories import History
from trainer.policy.training import PolicyReport
from trainer.request import CsvSpec, TrainingRequest, TrainingResult
from trainer.run import train_histories
from trainer.run_folder import EpochReport, check_run
from trainer.variants import check_kinds


def train(
    request: TrainingRequest,
    report: Callable[[EpochReport], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
    policy_report: Callable[[PolicyReport], None] = lambda _: None,
) -> TrainingResult:
    """Read the files of a request and train on them.

    Parameters
    ----------
    report
        Called after every epoch.
    progress
        Called after every step.
    policy_report
        Called after every improvement of the policy.

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
    return train_histories(request, histories, notes, report, progress, policy_report)


def read_histories(csv: Sequence[CsvSpec]) -> tuple[list[History], list[str]]:
    """Read files; what was assumed of them comes as notes, a sentence each.

    Raises
    ------
    TrainingError, InputError
        A file cannot be read, holds nothing, or is not what is said of it.
    """
    read = [read_spec(spec) for spec in csv]
    return [history for history, _ in read], [note for _, notes in read for note in notes]
