"""A bundle is loaded whole and unaltered, or refused with what was expected and what was found."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from inference_worker.bundle import BUNDLE_SCHEMA, Bundle, Manifest, write_manifest
from inference_worker.records import Tensor
from shared.errors import BundleError

GRAPH = b"not really a graph"
WINDOWS = (8, 8, 12, 12, 14, 15)


def _document() -> dict[str, Any]:
    rows = Tensor.of(np.arange(2 * 96 * 3, dtype=np.float32).reshape(2, 96, 3))
    caches = [{"name": f"cache_{i}", "length": w - 1, "width": 128} for i, w in enumerate(WINDOWS)]
    return {
        "schema_version": BUNDLE_SCHEMA,
        "id": "test-1.0_a",
        "feature_set": {"hash": "ab" * 32, "names": ["a", "b", "c"], "lookback": 461},
        "preset": "tiny",
        "parameters": 300_000,
        "attention_windows": WINDOWS,
        "pool_window": 33,
        "caches": [*caches, {"name": "cache_pool", "length": 32, "width": 64}],
        "heads": ["buy", "sell", "direction", "regime"],
        "labels": {},
        "temperatures": {"buy": 1.0},
        "scaler": {"centre": [0, 0, 0], "scale": [1, 1, 1], "clip": 6},
        "costs": {},
        "data": [],
        "splits": [],
        "seed": 0,
        "training": {"epochs": 2},
        "code_version": "test",
        "metrics": [],
        "test_split_reads": 1,
        "files": {"model.onnx": hashlib.sha256(GRAPH).hexdigest()},
        "golden": {
            "rows": rows.model_dump(),
            "outputs": {"buy": Tensor.of(np.zeros(2, np.float32)).model_dump()},
        },
    }


def _write(folder: Path, document: dict[str, Any]) -> None:
    (folder / "model.onnx").write_bytes(GRAPH)
    (folder / "manifest.json").write_text(json.dumps(document))


def test_a_written_manifest_is_read_back_equal_with_the_verified_graph(tmp_path: Path) -> None:
    manifest = Manifest.model_validate(_document())
    (tmp_path / "model.onnx").write_bytes(GRAPH)
    write_manifest(tmp_path, manifest)
    bundle = Bundle.load(tmp_path)
    assert bundle.manifest == manifest
    assert bundle.graph == GRAPH
    assert [cache.entry for cache in manifest.caches][-2:] == ["entry_5", "entry_pool"]


def test_an_altered_file_is_refused_with_both_sums(tmp_path: Path) -> None:
    _write(tmp_path, _document())
    (tmp_path / "model.onnx").write_bytes(b"altered")
    with pytest.raises(BundleError) as error:
        Bundle.load(tmp_path)
    for part in ("model.onnx", hashlib.sha256(GRAPH).hexdigest(), hashlib.sha256(b"altered").hexdigest()):
        assert part in str(error.value)


def test_an_absent_file_is_refused_by_name(tmp_path: Path) -> None:
    _write(tmp_path, {**_document(), "files": {**_document()["files"], "weights.safetensors": "0" * 64}})
    with pytest.raises(BundleError, match=r"weights\.safetensors.*found no file"):
        Bundle.load(tmp_path)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json: cannot be read"):
        Bundle.load(tmp_path)


def test_another_schema_version_is_refused_before_anything_else_is_judged(tmp_path: Path) -> None:
    _write(tmp_path, {"schema_version": BUNDLE_SCHEMA + 1, "what": "a later version has other keys"})
    with pytest.raises(BundleError, match=f"expected {BUNDLE_SCHEMA}, found {BUNDLE_SCHEMA + 1}"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("id", "", "id"),
        ("id", "x" * 25, "id"),
        ("id", "a/b", "id"),
        ("pool_window", 32, "95 candles instead of 96"),
        ("caches", [], "caches do not match"),
        ("heads", ["buy", "sell", "regime"], "heads must hold direction"),
        ("files", {"../model.onnx": "0" * 64}, "files"),
        ("files", {}, "files must list model.onnx"),
        ("pickle", "no", "pickle"),
        (
            "golden",
            {"rows": Tensor.of(np.zeros((2, 95, 3), np.float32)).model_dump(), "outputs": {}},
            "golden rows",
        ),
        ("golden", {"rows": {"shape": [2, 96, 3], "f32": "AAAA"}, "outputs": {}}, "f32 holds 3 bytes"),
        ("golden", {"rows": {"shape": [2, 96, 3], "f32": "?"}, "outputs": {}}, "not base64"),
    ],
)
def test_a_manifest_that_breaks_a_rule_is_refused_by_name(tmp_path: Path, key: str, value: Any, named: str) -> None:
    _write(tmp_path, {**_document(), key: value})
    with pytest.raises(BundleError, match=named):
        Bundle.load(tmp_path)


def test_text_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"\xff{")
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Bundle.load(tmp_path)


@given(npst.arrays(np.float32, npst.array_shapes(min_dims=0), elements=st.floats(width=32)))
def test_a_tensor_keeps_every_bit(values: np.ndarray) -> None:
    tensor = Tensor.model_validate_json(Tensor.of(values).model_dump_json())
    assert tensor.array.shape == values.shape
    assert tensor.array.tobytes() == values.tobytes()


def test_reading_bundles_needs_neither_torch_nor_onnx() -> None:
    code = "import sys, inference_worker.bundle; sys.exit(bool({'torch', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
