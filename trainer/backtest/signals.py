"""What a bundle says at every candle of a history, as its clients would have read it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history
from inference_worker.bundle import EMBEDDING, Bundle
from inference_worker.policy import PolicySession
from inference_worker.reasons import Abstention
from inference_worker.session import Job, Session
from shared.contracts import WINDOW, Candles, Reason
from shared.errors import BundleError
from shared.learned_calendar import FirstWeeks
from shared.settings.groups import InferenceSettings
from trainer.backtest.market import Floats

PPM = 1_000_000  # the wire carries probabilities in millionths
CALL_ROWS = 4_096  # bounds memory; the session cuts further


@dataclass(frozen=True)
class Signals:
    """Answers at N candles.

    Attributes
    ----------
    heads
        Head -> (N,) probability of its second class, or (N, classes), rounded to ppm; NaN where there is none.
    reasons
        (N,) bits of ``Reason``; a candle without a prediction is WARMING.
    embedding
        (N, d) what a policy reads; None where the bundle has no policy.
    actions
        (N,) -1, 0 or 1: what the policy would hold in a flat account; None without a policy.
    """

    heads: Mapping[str, Floats]
    reasons: NDArray[np.int64]
    embedding: NDArray[np.float32] | None = None
    actions: NDArray[np.int8] | None = None

    def cut(self, start: int, stop: int) -> "Signals":
        """Candles ``start`` to ``stop - 1``."""
        heads = {head: values[start:stop] for head, values in self.heads.items()}
        embedding = None if self.embedding is None else self.embedding[start:stop]
        actions = None if self.actions is None else self.actions[start:stop]
        return Signals(heads, self.reasons[start:stop], embedding, actions)


def read_signals(bundle: Bundle, candles: Candles, width_ms: int, settings: InferenceSettings) -> Signals:
    """Run a bundle over the closed candles of one series, from its first on, as a worker would.

    Raises
    ------
    BundleError
        The bundle is for other features, or does not compute here what it should.
    """
    ours = bundle.manifest.feature_set.hash
    if ours != FEATURE_SET.hash:
        raise BundleError(f"{bundle.path}: feature set expected {FEATURE_SET.hash}, found {ours}")
    session = Session(bundle, settings.threads, CALL_ROWS)
    rows = compute_history(candles)
    slot = session.acquire()
    parts = [
        session.run([Job(slot, rows[at : at + CALL_ROWS], fresh=at == 0)])[0] for at in range(0, len(rows), CALL_ROWS)
    ]
    answers = {head: np.concatenate([part[head] for part in parts]) for head in parts[0]}
    embedding = answers.pop(EMBEDDING, None)
    reasons = history_reasons(candles, width_ms)
    reasons |= np.array(Abstention(bundle.manifest, settings.confidence_min).reasons(rows, answers), np.int64)
    if bundle.manifest.expires_ms is not None:
        reasons |= np.where(candles["t"] + width_ms > bundle.manifest.expires_ms, int(Reason.EXPIRED), 0)
    heads = {head: np.round(values.astype(np.float64) * PPM) / PPM for head, values in answers.items()}
    for values in heads.values():
        values[: WINDOW - 1] = np.nan
    actions = None
    if embedding is not None:
        actions = PolicySession(bundle, settings.threads).flat_actions(embedding).astype(np.int8)
    return Signals(heads, reasons, embedding, actions)


def history_reasons(candles: Candles, width_ms: int) -> NDArray[np.int64]:
    """(N,) WARMING and GAP as the feature service gives them to a series that begins here, with a learned calendar."""
    t = candles["t"].astype(np.int64)
    reasons = np.zeros(len(t), np.int64)
    reasons[: FEATURE_SET.lookback + WINDOW - 2] = Reason.WARMING
    weeks = FirstWeeks(width_ms)
    weeks.add(t)
    calendar = weeks.calendar()
    for at in np.flatnonzero(np.diff(t, prepend=t[:1]) > width_ms).tolist():
        if calendar.missing(int(t[at - 1]), int(t[at])):
            reasons[at] |= Reason.GAP
    return reasons
