"""One training run: files in, a bundle out."""

from collections.abc import Callable

from trainer.bundling import check_out
from trainer.epochs import Progress
from trainer.files import read_specs
from trainer.policy.training import PolicyReport
from trainer.request import TrainingRequest, TrainingResult
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
    histories, notes = read_specs(request.csv)
    return train_histories(request, histories, notes, report, progress, policy_report)
