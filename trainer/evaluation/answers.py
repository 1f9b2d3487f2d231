"""What the model says: the bundle's own graph as a worker serves it, or a refit of its settings."""

from collections.abc import Callable, Mapping
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from inference_worker.bundle import HEADS, Bundle, Manifest
from inference_worker.session import Job, Session
from shared.contracts import WINDOW, Rows
from shared.settings.groups import Settings
from shared.settings.loading import leaves
from trainer.chunks import LabelledSeries
from trainer.evaluation.predictions import Probabilities
from trainer.histories import Lesson
from trainer.run import Fitted, fit_model
from trainer.run_folder import EpochReport
from trainer.splits import Span
from trainer.supervised import predict

CALL_TOKENS = 4_096  # candles in one call of the graph
THRESHOLD_TOLERANCE = 1e-6  # relative; a larger difference is another threshold
TAUGHT = ("data", "features", "labels", "model", "training", "optimization")  # settings that a bundle was made with

Spoken = dict[str, Probabilities]  # head -> (N, classes)


def bundle_settings(manifest: Manifest, ours: Settings) -> tuple[Settings, list[str]]:
    """The settings that a bundle was made with, and what of them is no more; of ``ours`` the threads and all the rest.

    A group that today's trainer refuses (an older bundle's) is that of ``ours``, and a note says so.
    """
    flat = _nested(manifest.training)
    made: dict[str, Any] = {}
    notes = []
    for name in TAUGHT:
        kind = type(getattr(ours, name))
        try:
            made[name] = kind.model_validate(flat.get(name, {}), strict=False)  # a manifest writes yes as 1
        except ValidationError:
            notes.append(f"the bundle's settings of {name} are an older trainer's: refits take today's")
    training = made.get("training", ours.training)
    made["training"] = training.model_copy(update={"threads": ours.training.threads})
    return ours.model_copy(update=made), notes


def taught_otherwise(manifest: Manifest, lesson: Lesson) -> list[str]:
    """Say for which heads this evaluation's labels are not those that the bundle was taught, a sentence each.

    They are the same where the files are those of the training: thresholds are fitted on the training split.
    """
    notes = []
    for head, ours in lesson.labels.records().items():
        theirs = manifest.labels.get(head)
        if theirs is None:
            continue
        if (theirs.definition, theirs.horizon) != (ours.definition, ours.horizon):
            notes.append(f"{head}: the bundle was taught another definition; its figures are of labels it never saw")
        elif not _alike(theirs.thresholds, ours.thresholds):
            notes.append(f"{head}: thresholds fitted on these files differ from those that the bundle was taught")
    return notes


def _alike(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return one.keys() == other.keys() and all(
        isclose(one[name], other[name], rel_tol=THRESHOLD_TOLERANCE) for name in one
    )


def _nested(flat: Mapping[str, float | int | str]) -> dict[str, Any]:
    """``group.key`` -> value as groups; keys that are no settings (any more) are left out."""
    values: dict[str, Any] = {}
    for *groups, name in leaves():
        key = ".".join((*groups, name))
        if key in flat:
            at = values
            for group in groups:
                at = at.setdefault(group, {})
            at[name] = flat[key]
    return values


class Served:
    """A bundle's graph in the very session that serves it."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._session = Session(bundle, threads, CALL_TOKENS)

    def answer(self, rows: Rows, span: Span) -> Spoken:
        """Probabilities at each candle of a span, from the 95 rows before it on."""
        slot = self._session.acquire()
        first = span.start - WINDOW + 1
        (found,) = self._session.run([Job(slot, rows[first : span.stop], fresh=True)])
        self._session.release(slot)
        return {head: _classes(found[head][WINDOW - 1 :]) for head in HEADS if head in found}


def refit(lesson: Lesson, settings: Settings, seed: int, report: Callable[[EpochReport], None], run: Path) -> Fitted:
    """Train the bundle's settings anew on a lesson's training and validation splits; goes on where ``run`` stopped."""
    return fit_model(lesson, settings, seed, report, run, resume=True)


def refit_answer(fitted: Fitted, series: LabelledSeries, span: Span) -> Spoken:
    """Probabilities of a refit at each candle of a span."""
    return {head: _softmax(logits) for head, logits in predict(fitted.model, series, span).items()}


def _classes(found: NDArray[np.float32]) -> Probabilities:
    return np.stack([1 - found, found], 1) if found.ndim == 1 else found


def _softmax(logits: NDArray[np.float64]) -> Probabilities:
    shares = np.exp(logits - logits.max(1, keepdims=True))
    found: Probabilities = (shares / shares.sum(1, keepdims=True)).astype(np.float32)
    return found
