"""A worker that serves a bundle with a policy says what an account without a position should hold."""

import threading
from pathlib import Path

import numpy as np

from feature_service.pipeline import compute_history
from feature_service.service import run as run_features
from inference_worker.bundle import EMBEDDING, Bundle
from inference_worker.policy import PolicySession
from inference_worker.service import run
from inference_worker.session import Job, Session
from shared.admission import Admission, AdmissionLimits
from shared.clock import SimulatedClock
from shared.codec import decode_prediction
from shared.contracts import WINDOW, Series
from shared.prediction_document import prediction_document
from shared.service import ServiceContext
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest, walk_candles

SERIES = Series("EURUSD", "M15")


def test_predictions_carry_the_policy_of_their_window(broker: BrokerUnderTest, bundle: Bundle, folder: Path) -> None:
    candles = walk_candles(200)
    clock = SimulatedClock(2_000_000_000_000)
    settings = load_settings(None, {}, {"inference.bundle": str(folder)})
    context = ServiceContext(broker.client, broker.names, clock, threading.Event(), "one")
    door = Admission(broker.client, broker.names, clock, AdmissionLimits(100_000, 100, 100))
    for start in (0, 120):  # the second part finds warm caches
        door.admit(SERIES, candles[start : start + 120], 0, "csv")
        run_features(settings, context, until_idle=True)
        run(settings, context, until_idle=True)
    entries = broker.client.execute_command("XRANGE", broker.names.predictions(SERIES.partition), "-", "+")
    found = [decode_prediction(entry[1][1]) for entry in entries]
    rows, session = compute_history(candles), Session(bundle, 1, 1_024)
    slot, policy = session.acquire(), PolicySession(bundle, 1)
    windows = [session.run([Job(slot, rows[n - WINDOW : n], True)])[0][EMBEDDING][-1] for n in range(WINDOW, 201)]
    expected = policy.flat_actions(np.stack(windows)).tolist()
    assert [one.policy for one in found] == [(action, abs(action)) for action in expected]
    assert len(set(expected)) > 1
    words = {-1: "short", 0: "flat", 1: "long"}
    assert prediction_document(found[0])["policy"] == {"action": words[expected[0]], "size": abs(expected[0])}
