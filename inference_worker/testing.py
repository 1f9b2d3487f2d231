"""Bundles for tests: an existing one under other names and with known faults."""

from pathlib import Path

import numpy as np

from inference_worker.bundle import GRAPH_NAME, Bundle, write_manifest
from inference_worker.records import Tensor


def write_variant(
    bundle: Bundle,
    bundle_id: str,
    folder: Path,
    *,
    seed: int = 0,
    golden_shift: float = 0.0,
    feature_set: str | None = None,
    keep_policy: bool = True,
) -> None:
    """Write the same graphs under another ID.

    Parameters
    ----------
    golden_shift
        Added to what the graph is said to have answered: it then seems to drift.
    feature_set
        Hash of the features it is said to read; None: its own.
    keep_policy
        Whether it has the policy, where there is one.
    """
    manifest = bundle.manifest
    golden = manifest.golden
    outputs = {head: Tensor.of(one.array + np.float32(golden_shift)) for head, one in golden.outputs.items()}
    features = manifest.feature_set
    contents = {GRAPH_NAME: bundle.graph}
    policy = manifest.policy if keep_policy else None
    if policy is not None and bundle.policy is not None:
        contents[policy.file] = bundle.policy
    changes = {
        "id": bundle_id,
        "seed": seed,
        "policy": policy,
        "variants": (),
        "files": {name: manifest.files[name] for name in contents},
        "golden": golden.model_copy(update={"outputs": outputs}),
        "feature_set": features.model_copy(update={"hash": feature_set or features.hash}),
    }
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    write_manifest(folder, manifest.model_copy(update=changes))
