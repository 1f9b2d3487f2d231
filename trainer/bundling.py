"""From a trained model to a bundle on disk, and again from what a run kept of it."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load, save

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import BUNDLE_SCHEMA, GRAPH_NAME, HEADS, MANIFEST_NAME, Manifest, write_manifest
from inference_worker.records import FeatureSetRecord, GoldenRecord, ScalerRecord, Tensor
from shared.contracts import WINDOW, Rows
from shared.errors import BundleError, TrainingError
from trainer.attention import ATTENTION_WINDOWS, POOL_WINDOW
from trainer.checkpoint import write_whole
from trainer.evaluation.scoring import score_test
from trainer.export import cache_records, export_graph, golden_outputs
from trainer.histories import History, Lesson
from trainer.model import PRESETS, Natron
from trainer.policy.export import POLICY_NAME, export_policy, policy_record
from trainer.policy.training import PolicyFitted
from trainer.provenance import code_version, flat_settings
from trainer.request import TrainingRequest
from trainer.run_folder import check_writable
from trainer.spread import fit_bounds, fit_histograms
from trainer.variants import check_kinds, make_variant, sample_rows

WEIGHTS_NAME = "weights.safetensors"
ROWS_NAME = "validation.safetensors"  # in a run's folder: what variants are compared on
DAY_MS = 86_400_000
_ID = re.compile(r"[A-Za-z0-9._-]{1,24}")

Files = dict[str, bytes]


def check_out(out: Path) -> None:
    """Raise TrainingError where a bundle cannot be written to ``out``; leaves no trace."""
    if not _ID.fullmatch(out.name):
        raise TrainingError(
            "out", str(out), "must end in a bundle id of 1 to 24 of A-Z a-z 0-9 . _ -", "name another folder"
        )
    check_writable("out", out)
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST_NAME).exists():
        raise TrainingError("out", str(out), "holds files and is no bundle", "name a new folder")


def write_bundle(
    request: TrainingRequest,
    histories: Sequence[History],
    lesson: Lesson,
    model: Natron,
    facts: Mapping[str, float | int | str],
    policy: PolicyFitted | None = None,
) -> Manifest:
    """Export a calibrated model and write its bundle; keep in the run's folder what another export needs.

    Parameters
    ----------
    facts
        What came about in training, for the manifest beside the settings.
    policy
        Of the phase rl; None: the bundle has none.
    """
    files: Files = {GRAPH_NAME: export_graph(model), WEIGHTS_NAME: save(model.state_dict())}
    windows = _golden_windows(lesson)
    golden = golden_outputs(model, files[GRAPH_NAME], windows)
    if policy is not None:
        files[POLICY_NAME] = export_policy(policy)
    manifest = Manifest(
        schema_version=BUNDLE_SCHEMA,
        id=request.out.name,
        feature_set=FeatureSetRecord(hash=FEATURE_SET.hash, names=FEATURE_SET.names, lookback=FEATURE_SET.lookback),
        preset=request.settings.model.preset,
        parameters=model.parameter_count,
        attention_windows=ATTENTION_WINDOWS,
        pool_window=POOL_WINDOW,
        caches=cache_records(model.width),
        heads=tuple(HEADS),
        labels=lesson.labels.records(),
        temperatures={head: float(model.temperature[part][0]) for head, part in model.columns.items()},
        scaler=ScalerRecord(
            centre=tuple(model.centre.tolist()),
            scale=tuple((1 / model.scale).tolist()),
            clip=model.clip,
        ),
        costs=lesson.costs,
        data=tuple(one.record for one in histories),
        splits=lesson.splits,
        seed=request.settings.training.seed,
        training=dict(sorted({**flat_settings(request.settings), **facts, "trials": request.trials}.items())),
        code_version=code_version(),
        metrics=score_test(model, lesson.series, request.settings.labels.horizons),
        test_split_reads=1,
        files=_hashes(files),
        golden=GoldenRecord(
            rows=Tensor.of(windows), outputs={head: Tensor.of(values) for head, values in golden.items()}
        ),
        policy=policy_record(policy, files[POLICY_NAME]) if policy is not None else None,
        bounds=fit_bounds(lesson.series),
        histograms=fit_histograms(lesson.series),
        confidence_min=request.settings.model.confidence_min,
        expires_ms=_expiry(request, histories),
    )
    rows = sample_rows(lesson.series)
    kept = {name: content for name, content in files.items() if name != GRAPH_NAME}  # which follows from the weights
    _keep(request.run_folder, manifest, {**kept, ROWS_NAME: save_arrays({"rows": rows})})
    return _write(request.out, manifest, files, rows, request.variants, request.save_weights)


def export_run(run: Path, out: Path, variants: Sequence[str] = (), save_weights: bool = True) -> Manifest:
    """Make a finished run's bundle again, under another name or with other files.

    Raises
    ------
    TrainingError
        The run is not finished, ``out`` cannot be written, or a variant is none or not good enough.
    BundleError
        What the run kept is altered, or the graph answers otherwise than the run's own bundle did.
    """
    check_out(out)
    check_kinds(variants)
    if not (run / MANIFEST_NAME).exists():
        raise TrainingError("run", str(run), "holds no finished run", "finish it with natron train --resume")
    manifest, kept = _read_kept(run)
    rows = load_arrays(kept.pop(ROWS_NAME))["rows"]
    names = manifest.feature_set.names
    model = Natron(len(names), PRESETS[manifest.preset], manifest.scaler.clip, names=names)
    model.load_state_dict(load(kept[WEIGHTS_NAME]))
    files: Files = {GRAPH_NAME: export_graph(model), **kept}
    golden_outputs(model, files[GRAPH_NAME], manifest.golden.rows.array)
    named = manifest.model_copy(update={"id": out.name, "files": _hashes(files), "variants": ()})
    return _write(out, named, files, rows, variants, save_weights)


def _write(
    out: Path, manifest: Manifest, files: Files, rows: Rows, variants: Sequence[str], save_weights: bool
) -> Manifest:
    """Write a bundle; the manifest comes last, so that half a bundle is never one."""
    made = [make_variant(kind, files[GRAPH_NAME], manifest.caches, rows) for kind in variants]
    files = {name: content for name, content in files.items() if save_weights or name != WEIGHTS_NAME}
    files |= {record.file: content for record, content in made}
    changed = {"files": _hashes(files), "variants": tuple(record for record, _ in made)}
    manifest = Manifest.model_validate(manifest.model_copy(update=changed).model_dump())
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
    write_manifest(out, manifest)
    return manifest


def _keep(run: Path, manifest: Manifest, files: Files) -> None:
    """Leave in the run's folder what another export needs."""
    for name, content in files.items():
        write_whole(run / name, content)
    hashes = {**manifest.files, **_hashes(files)}
    write_manifest(run, manifest.model_copy(update={"files": hashes}))


def _read_kept(run: Path) -> tuple[Manifest, Files]:
    """Read what ``_keep`` left, each file by its hash."""
    try:
        manifest = Manifest.model_validate_json((run / MANIFEST_NAME).read_bytes())
        kept = {name: (run / name).read_bytes() for name in manifest.files if name != GRAPH_NAME}
    except (OSError, ValidationError) as error:
        raise BundleError(f"{run}: what the run kept cannot be read: {error}") from None
    for name, digest in _hashes(kept).items():
        if manifest.files[name] != digest:
            raise BundleError(f"{run / name}: sha256 expected {manifest.files[name]}, found {digest}")
    return manifest, kept


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _expiry(request: TrainingRequest, histories: Sequence[History]) -> int | None:
    """Days after the newest candle that was seen, so that the same data give the same bundle on any day."""
    days = request.settings.model.expires_days
    return max(one.record.last for one in histories) + days * DAY_MS if days else None


def _golden_windows(lesson: Lesson) -> Rows:
    """(2, 96, F) windows that end at the first and the last test candle of the first series."""
    one = lesson.series[0]
    ends = (one.splits.test.start, one.splits.test.stop - 1)
    return np.stack([one.rows[end - WINDOW + 1 : end + 1] for end in ends])
