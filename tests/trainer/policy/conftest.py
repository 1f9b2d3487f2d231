"""Markets whose worth is known, and a bundle with a policy."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from feature_service.pipeline import compute_history
from inference_worker.bundle import HEADS, Bundle, write_manifest
from inference_worker.records import GoldenRecord, Tensor
from inference_worker.service import bundle_folder
from shared.contracts import WINDOW
from shared.settings.groups import Settings
from shared.settings.learning import RlSettings
from shared.testing import walk_candles
from trainer.backtest.market import Market
from trainer.export import cache_records, golden_outputs
from trainer.model import Natron
from trainer.policy.arena import Ground
from trainer.policy.export import export_policy, policy_record
from trainer.policy.network import PolicyNetwork
from trainer.policy.training import PolicyFitted
from trainer.policy.validation import Earnings

WIDTH = 8  # channels of a made-up embedding

MakeGround = Callable[..., Ground]


@pytest.fixture(scope="session")
def make_ground() -> MakeGround:
    """(count, seed, drift) -> a random walk whose costs are a basis point, and embeddings of noise.

    With a drift (log return a candle) the walk has stretches of 24 candles that rise, fall or do not, and the first
    channel tells which.
    """

    def make(count: int, seed: int, drift: float = 0.0) -> Ground:
        candles, random = walk_candles(count, seed=seed), np.random.default_rng(seed + 1_000)
        side = np.repeat(random.choice([-1, 0, 1], count // 24 + 1), 24)[:count]
        factor = np.exp(np.cumsum(side * drift))
        for name in "hlc":
            candles[name] *= factor
        candles["o"] *= np.concatenate([[1.0], factor[:-1]])
        candles["h"] = np.maximum(candles["h"], candles["o"])
        candles["l"] = np.minimum(candles["l"], candles["o"])
        embedding = random.normal(size=(count, WIDTH)).astype(np.float32)
        if drift:
            embedding[:, 0] = np.roll(side, -1) + 0.3 * embedding[:, 0]
        return Ground(Market.of(candles, 1e-4 * candles["c"]), embedding)

    return make


@pytest.fixture(scope="session")
def fitted(model: Natron) -> PolicyFitted:
    """A policy of decided views on the embeddings of the tiny model, as if it had been learned."""
    rows = compute_history(walk_candles(200))
    with torch.no_grad():
        embedding = model(torch.from_numpy(rows[None])).embedding[0, WINDOW:].numpy()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = PolicyNetwork(model.width, 16)
        network.fit_input(embedding)
        for weight in network.actor.parameters():
            torch.nn.init.normal_(weight, std=0.4)
    nothing = Earnings(0.0, 0.0, 0.0, 0)
    earnings = dict.fromkeys(("policy", "newest", "threshold", "flat"), nothing)
    return PolicyFitted(network, True, (), earnings, 12, embedding, RlSettings())


@pytest.fixture(scope="session")
def bundle(model: Natron, graph: bytes, fitted: PolicyFitted) -> Bundle:
    """The tiny model and the policy as one bundle."""
    reference = Bundle.load(bundle_folder(Settings()))
    windows = compute_history(walk_candles(WINDOW))[None]
    golden = golden_outputs(model, graph, windows)
    policy = export_policy(fitted)
    record = GoldenRecord(rows=Tensor.of(windows), outputs={head: Tensor.of(golden[head]) for head in HEADS})
    changes = {
        "heads": tuple(HEADS),
        "caches": cache_records(model.width),
        "golden": record,
        "policy": policy_record(fitted, policy),
    }
    changes["files"] = {"model.onnx": sha256(graph).hexdigest(), "policy.onnx": sha256(policy).hexdigest()}
    return Bundle(Path("tiny"), reference.manifest.model_copy(update=changes), graph, policy)


@pytest.fixture
def folder(bundle: Bundle, tmp_path: Path) -> Path:
    """That bundle on disk."""
    assert bundle.policy
    write_manifest(tmp_path, bundle.manifest)
    (tmp_path / "model.onnx").write_bytes(bundle.graph)
    (tmp_path / "policy.onnx").write_bytes(bundle.policy)
    return tmp_path
