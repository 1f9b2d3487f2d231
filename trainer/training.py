"""One training run: files in, a bundle out."""

from collections.abc import Callable

from trainer.bundling import check_out
from trainer.files import read_specs
from trainer.request import TrainingRequest, TrainingResult
from trainer.run import train_histories
from trainer.supervised import EpochReport


def train(request: TrainingRequest, report: Callable[[EpochReport], None] = lambda _: None) -> TrainingResult:
    """Read the files of a request and train on them.

    Parameters
    ----------
    report
        Called after every epoch.

    Raises
    ------
    TrainingError
        The folder cannot be written, or the histories cannot be learned from; before any training.
    InputError
        A file cannot be read, or is not what the request says.
    """
    check_out(request.out)
    histories, notes = read_specs(request.csv)
    return train_histories(request, histories, notes, report)
