"""The policy graph is the trained network, in the bundle, in a worker's session and in every backtest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from feature_service.pipeline import compute_history
from inference_worker.bundle import EMBEDDING, Bundle
from inference_worker.policy import STATE, PolicySession
from inference_worker.records import Tensor
from inference_worker.session import Job, Session
from shared.contracts import WINDOW
from shared.errors import BundleError
from shared.testing import walk_candles
from trainer.backtest.following import follow
from trainer.backtest.market import Market
from trainer.policy.export import export_policy
from trainer.policy.network import FastPolicy
from trainer.policy.training import PolicyFitted

ROWS = compute_history(walk_candles(240))


@pytest.fixture(scope="module")
def policy(bundle: Bundle) -> PolicySession:
    return PolicySession(bundle, 1)


def test_the_graph_and_the_numpy_form_answer_as_the_network(policy: PolicySession, fitted: PolicyFitted) -> None:
    random = np.random.default_rng(0)
    embedding = random.normal(size=(500, fitted.samples.shape[1])).astype(np.float32) * 30  # also beyond the clip
    state = random.normal(size=(500, len(STATE))).astype(np.float32)
    with torch.no_grad():
        taught = fitted.network(torch.from_numpy(embedding), torch.from_numpy(state)).numpy()
    np.testing.assert_allclose(policy.probabilities(embedding, state), taught, atol=1e-6)
    np.testing.assert_allclose(FastPolicy(fitted.network).probabilities(embedding, state), taught, atol=1e-6)
    assert len(set(taught.argmax(1))) == 3


def test_equal_policies_are_equal_files(fitted: PolicyFitted) -> None:
    assert export_policy(fitted) == export_policy(fitted)


def test_a_policy_of_a_window_is_that_of_the_stream(bundle: Bundle, policy: PolicySession) -> None:
    session = Session(bundle, 1, 1_024)
    slot = session.acquire()
    first = session.run([Job(slot, ROWS[:WINDOW], True)])[0][EMBEDDING]
    steps = [session.run([Job(slot, ROWS[at : at + 1], False)])[0][EMBEDDING] for at in range(WINDOW, 150)]
    rest = session.run([Job(slot, ROWS[150:], False)])[0][EMBEDDING]
    streamed = np.concatenate([first[-1:], *steps, rest])
    windows = np.concatenate(
        [session.run([Job(slot, ROWS[end - WINDOW : end], True)])[0][EMBEDDING][-1:] for end in range(WINDOW, 241)]
    )
    state = np.zeros((len(windows), len(STATE)), np.float32)
    found, expected = policy.probabilities(streamed, state), policy.probabilities(windows, state)
    assert np.abs(found - expected).max() <= 1e-5
    sure = np.sort(expected, 1)[:, -1] - np.sort(expected, 1)[:, -2] > 2e-5
    assert sure.mean() > 0.9
    assert (policy.flat_actions(streamed)[sure] == policy.flat_actions(windows)[sure]).all()


def test_following_the_graph_is_following_the_network(
    bundle: Bundle, policy: PolicySession, fitted: PolicyFitted
) -> None:
    candles = walk_candles(400, seed=4)
    market = Market.of(candles, np.full(400, 1e-4))
    embedding = fitted.samples[np.arange(400) % len(fitted.samples)]
    allowed = np.ones(400, np.bool_)
    graph = follow(market, embedding, policy, 12, allowed)
    network = follow(market, embedding, FastPolicy(fitted.network), 12, allowed)
    assert len(graph.trades) > 10
    assert (graph.equity == network.equity).all()


def test_where_a_reason_forbids_it_no_position_is_opened_but_one_may_be_closed(
    policy: PolicySession, fitted: PolicyFitted
) -> None:
    candles = walk_candles(400, seed=4)
    market = Market.of(candles, np.full(400, 1e-4))
    embedding = fitted.samples[np.arange(400) % len(fitted.samples)]
    allowed = np.arange(400) % 50 < 25
    trades = follow(market, embedding, policy, 12, allowed).trades
    assert len(trades) > 5
    assert allowed[trades.entered - 1].all()
    assert not follow(market, embedding, policy, 12, np.zeros(400, np.bool_)).trades.side.any()


def test_a_bundle_carries_its_policy_and_refuses_an_altered_one(bundle: Bundle, folder: Path) -> None:
    assert bundle.policy
    assert Bundle.load(folder).policy == bundle.policy
    (folder / "policy.onnx").write_bytes(bundle.policy[:-1] + b"x")
    with pytest.raises(BundleError, match=r"policy.onnx: sha256"):
        Bundle.load(folder)


def test_a_policy_that_answers_otherwise_than_it_was_exported_is_refused(bundle: Bundle) -> None:
    record = bundle.manifest.policy
    assert record is not None
    values = record.golden.probabilities.array.copy()
    values[0] = values[0][::-1]
    golden = record.golden.model_copy(update={"probabilities": Tensor.of(values)})
    manifest = bundle.manifest.model_copy(update={"policy": record.model_copy(update={"golden": golden})})
    with pytest.raises(BundleError, match="golden output of the policy differs"):
        PolicySession(replace(bundle, manifest=manifest), 1)


def test_a_policy_of_another_state_is_refused(bundle: Bundle) -> None:
    record = bundle.manifest.policy
    assert record is not None
    other = bundle.manifest.model_copy(update={"policy": record.model_copy(update={"state": ("mood",)})})
    with pytest.raises(BundleError, match="mood"):
        PolicySession(replace(bundle, manifest=other), 1)
