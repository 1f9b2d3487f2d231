"""One evaluation from request to report."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import Bundle, write_manifest
from shared.errors import BundleError, TrainingError
from shared.settings.groups import Settings
from trainer.evaluation.ablation import ablation_of
from trainer.evaluation.answers import bundle_settings, taught_otherwise
from trainer.evaluation.collection import Collection
from trainer.evaluation.documents import METRICS_NAME, SCHEMA_VERSION, write_document
from trainer.evaluation.findings import Findings, draw_figures, equity_of, publish, write_pages
from trainer.evaluation.parts import Parts
from trainer.evaluation.placebos import (
    MODEL_EPOCHS,
    WALK_CANDLES,
    WALKS,
    Placebo,
    gaussian_walks,
    mirrored_walks,
    perturbed_future,
    planted_signal,
    states,
    tiny_settings,
)
from trainer.evaluation.predictions import tabulate, write_predictions
from trainer.evaluation.request import EvaluationRequest, EvaluationResult
from trainer.evaluation.tables import differences_of, rows_of
from trainer.files import read_spec
from trainer.histories import History

PREDICTIONS_NAME = "predictions.parquet"
Note = Callable[[str], None]


def evaluate(request: EvaluationRequest, note: Note = lambda _: None) -> EvaluationResult:
    """Read, answer, compare with every baseline, and write figures, table and report.

    Parameters
    ----------
    note
        Called with a sentence of progress.

    Raises
    ------
    BundleError
        The bundle is broken or for other features.
    TrainingError
        The files cannot be evaluated on, or the folder cannot be written.
    InputError
        A file cannot be read, or is not what the request says.
    """
    started = time.monotonic()
    bundle = _load(request)
    _check_out(request)
    read = [read_spec(spec) for spec in request.csv]
    histories, notes = [history for history, _ in read], [said for _, found in read for said in found]
    settings, older = bundle_settings(bundle.manifest, request.settings)
    notes += older
    collection = Collection(bundle, histories, settings, Parts(request.parts), note)
    notes += [*collection.lesson.notes, *taught_otherwise(bundle.manifest, collection.lesson)]
    notes += _seen(bundle, collection) if request.seeds == 1 else []
    reads = _count_read(bundle, notes)
    table = _collect(collection, request)
    write_predictions(request.out / PREDICTIONS_NAME, table)
    note("figures")
    own = request.settings.evaluation
    trials = int(bundle.manifest.training.get("trials", 1))
    found = Findings(
        rows=rows_of(table),
        differences=differences_of(table, own.block, own.resamples),
        equity=equity_of(table, collection.lesson, settings, trials),
        placebos=_placebos(bundle, histories, settings, note) if request.placebo else [],
        ablation=ablation_of(bundle.manifest.training),
    )
    metrics = {**_facts(request, bundle, histories, reads, trials, notes), **found.document()}
    write_document(request.out / METRICS_NAME, metrics)
    figures = draw_figures(table, found, collection)
    write_pages(request.out, metrics, found, figures, notes)
    if request.publish:
        publish(request.out, bundle.path)
    return EvaluationResult(request.out, metrics, tuple(notes), time.monotonic() - started)


def _collect(collection: Collection, request: EvaluationRequest) -> pd.DataFrame:
    answers = collection.test(request.seeds) + collection.walks()
    if request.folds:
        answers += collection.walk_forward(request.folds)
    return tabulate(answers)


def _placebos(bundle: Bundle, histories: Sequence[History], settings: Settings, note: Note) -> list[Placebo]:
    threads = settings.training.threads
    found = gaussian_walks(WALKS, WALK_CANDLES, threads, note)
    found += mirrored_walks(histories, WALKS, WALK_CANDLES, threads, note)
    note("planted signal, perturbed future, state labels")
    found += planted_signal(WALK_CANDLES, threads, tiny_settings(settings, MODEL_EPOCHS))
    found += perturbed_future(histories[0], settings, bundle)
    return found + states(histories, settings)


def _facts(
    request: EvaluationRequest,
    bundle: Bundle,
    histories: Sequence[History],
    reads: int,
    trials: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "bundle": bundle.manifest.id,
        "model": "graph" if request.seeds == 1 else "refits",
        "seeds": request.seeds,
        "folds": request.folds,
        "trials": trials,
        "test_split_reads": reads,
        "evaluation": request.settings.evaluation.model_dump(),
        "data": [one.record.model_dump() for one in histories],
        "notes": list(notes),
    }


def _load(request: EvaluationRequest) -> Bundle:
    bundle = Bundle.load(request.bundle)
    ours = bundle.manifest.feature_set.hash
    if ours != FEATURE_SET.hash:
        raise BundleError(f"{bundle.path}: feature set expected {FEATURE_SET.hash}, found {ours}")
    return bundle


def _check_out(request: EvaluationRequest) -> None:
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        (request.out / METRICS_NAME).touch()
    except OSError as error:
        rule = f"cannot be written: {error.strerror}"
        raise TrainingError("out", str(request.out), rule, "name another folder") from None


def _seen(bundle: Bundle, collection: Collection) -> list[str]:
    """Refuse candles that the bundle's graph was trained or chosen on; TrainingError."""
    known = {record.series: record.validation.last for record in bundle.manifest.splits}
    latest = max((record.last for record in bundle.manifest.data), default=0)
    notes = []
    for one in collection.lesson.series:
        first = int(one.candles["t"][one.splits.test.start])
        if first <= known.get(one.key, 0):
            raise TrainingError(
                "csv",
                one.key,
                "its test split holds candles that the bundle was trained on",
                "give the file of the training, or a longer one that ends later",
            )
        if one.key not in known and first <= latest:
            notes.append(f"{one.key} is none of the bundle's series, and tested on dates of the bundle's own data")
    return notes


def _count_read(bundle: Bundle, notes: list[str]) -> int:
    """Count this reading of the test split in the bundle's manifest."""
    reads = bundle.manifest.test_split_reads + 1
    try:
        write_manifest(bundle.path, bundle.manifest.model_copy(update={"test_split_reads": reads}))
    except OSError as error:
        notes.append(f"{bundle.path}: this reading of the test split could not be counted: {error.strerror}")
    return reads
