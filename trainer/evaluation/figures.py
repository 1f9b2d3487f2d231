"""What one estimator's probabilities are worth on labelled candles."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    recall_score,
    roc_auc_score,
)

from trainer.evaluation.predictions import Labels

ECE_BINS = 15
P_MIN = 1e-9  # a probability below it costs no more than one of it
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Every figure of one estimator on N candles; NaN where a figure does not exist (one class only)."""

    accuracy: float  # 0..1
    balanced_accuracy: float  # mean recall over the classes that occur, 0..1
    macro_f1: float  # mean over the classes that occur, 0..1
    mcc: float  # Matthews' correlation, -1..1
    auc: float  # one class against the rest, mean over the classes that occur, 0..1
    log_loss: float  # nats
    log_loss_skill: float  # 1 - log-loss / that of the class frequencies
    brier: float  # sum over the classes of squared errors, 0..2
    ece: float  # expected calibration error of the named class, 15 bins of equal mass, 0..1

    def as_dict(self) -> dict[str, float]:
        """Name -> value."""
        return asdict(self)


METRICS = tuple(Figures.__dataclass_fields__)


def measure(labels: Labels, probabilities: Floats, frequencies: Floats) -> Figures:
    """Measure (N, classes) probabilities; ``frequencies`` (N, classes) are those that know no candle."""
    named = probabilities.argmax(1)
    present = np.unique(labels)
    loss = float(log_losses(labels, probabilities).mean())
    usual = float(log_losses(labels, frequencies).mean())
    return Figures(
        accuracy=float(accuracy_score(labels, named)),
        balanced_accuracy=float(recall_score(labels, named, labels=present, average="macro", zero_division=0)),
        macro_f1=float(f1_score(labels, named, labels=present, average="macro", zero_division=0)),
        mcc=float(matthews_corrcoef(labels, named)) if len(np.union1d(present, named)) > 1 else 0.0,
        auc=area_under_roc(labels, probabilities),
        log_loss=loss,
        log_loss_skill=1 - loss / usual if usual > 0 else float("nan"),
        brier=float(brier_scores(labels, probabilities).mean()),
        ece=calibration_error(labels, probabilities),
    )


def log_losses(labels: Labels, probabilities: Floats) -> Floats:
    """(N,) nats."""
    losses: Floats = -np.log(probabilities[np.arange(len(labels)), labels].clip(P_MIN, 1.0))
    return losses


def brier_scores(labels: Labels, probabilities: Floats) -> Floats:
    """(N,) sums over the classes of squared errors."""
    scores: Floats = ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(1)
    return scores


def area_under_roc(labels: Labels, probabilities: Floats) -> float:
    """Mean over the classes that occur, and do not always, of one against the rest; NaN without any."""
    found = [
        roc_auc_score(labels == index, probabilities[:, index])
        for index in range(probabilities.shape[1])
        if 0 < (labels == index).sum() < len(labels)
    ]
    return float(np.mean(found)) if found else float("nan")


def calibration_error(labels: Labels, probabilities: Floats) -> float:
    """Mean distance of the named class's probability from how often it is right, over bins of equal mass."""
    total = sum(
        len(sure) * abs(float(sure.mean() - right.mean())) for sure, right in reliability(labels, probabilities)
    )
    return total / len(labels)


def reliability(labels: Labels, probabilities: Floats) -> list[tuple[Floats, NDArray[np.bool_]]]:
    """(confidence, right) of the candles of each bin; bins are of equal mass, in order of confidence."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    order = np.argsort(sure, kind="stable")
    return [(sure[part], right[part]) for part in np.array_split(order, ECE_BINS) if len(part)]


def confusion(labels: Labels, probabilities: Floats) -> list[list[int]]:
    """(classes, classes) counts; a row a true class, a column a named one."""
    classes = range(probabilities.shape[1])
    found: list[list[int]] = confusion_matrix(labels, probabilities.argmax(1), labels=list(classes)).tolist()
    return found
