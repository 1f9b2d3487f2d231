"""A bundle's second graph: embeddings and the state of an account in, what to hold out."""

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference_worker.bundle import Bundle
from shared.errors import BundleError

STATE = ("position", "age", "open_return")
"""What a policy knows of its account, in the order of the graph's input.

``position``: -1, 0 or 1. ``age``: candles it is held for, over the policy's horizon, at most ``AGE_MAX``.
``open_return``: profit at the candle's close, costs of the entry included, in mean true ranges (of 14 candles up to the
one that gave the order), within +-``RETURN_MAX``. Flat is (0, 0, 0).
"""

AGE_MAX = 4.0
RETURN_MAX = 8.0
ACTIONS = (-1, 0, 1)
"""Short, flat, long: the order of the graph's probabilities."""

TOLERANCE = 1e-5
"""Largest difference of a probability that is still the same answer."""


class PolicySession:
    """Runs the policy graph of a bundle.

    Parameters
    ----------
    threads
        onnxruntime's threads inside one call.

    Raises
    ------
    BundleError
        The bundle has no policy, one of another state, or one that computes something else here.
    """

    def __init__(self, bundle: Bundle, threads: int) -> None:
        record = bundle.manifest.policy
        if record is None or bundle.policy is None:
            raise BundleError(f"{bundle.path}: has no policy")
        if record.state != STATE:
            raise BundleError(f"{bundle.path}: state of the policy expected {STATE}, found {record.state}")
        self.record = record
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._graph = ort.InferenceSession(bundle.policy, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - onnxruntime has no error class of its own
            raise BundleError(f"{bundle.path}: the policy graph does not load: {error}") from None
        golden = record.golden
        found = self.probabilities(golden.embedding.array, golden.state.array)
        drift = float(np.abs(found - golden.probabilities.array).max())
        if not drift <= TOLERANCE:
            raise BundleError(
                f"{bundle.path}: golden output of the policy differs by {drift:.2g}, at most {TOLERANCE:g} is allowed; "
                "this runtime does not compute what was exported"
            )

    def probabilities(self, embedding: NDArray[np.float32], state: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3) of short, flat, long; embeddings (N, d), states (N, 3) as ``STATE`` says."""
        found: NDArray[np.float32] = self._graph.run(None, {"embedding": embedding, "state": state})[0]
        return found

    def flat_actions(self, embedding: NDArray[np.float32]) -> NDArray[np.int64]:
        """(N,) -1, 0 or 1: what an account without a position should hold; of equals the first."""
        state = np.zeros((len(embedding), len(STATE)), np.float32)
        return np.asarray(self.probabilities(embedding, state).argmax(1) - 1)
