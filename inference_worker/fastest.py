"""Which runtime serves a bundle: of those that give the golden answers, the fastest on its golden inputs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from inference_worker.bundle import Bundle
from inference_worker.runtimes import runtimes
from inference_worker.session import TOLERANCE, Job, Session
from shared.errors import BundleError

AUTO = "auto"
STEPS = 30
"""Measured, of which the middle one counts."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Trial:
    """One runtime on the golden inputs; ``refused`` says why it cannot serve."""

    runtime: str
    step_ms: float = 0.0
    refused: str = ""

    @property
    def row(self) -> dict[str, object]:
        """Its row in the log's table."""
        if self.refused:
            return {"runtime": self.runtime, "refused": self.refused}
        return {"runtime": self.runtime, "step_ms": round(self.step_ms, 3)}


def open_session(
    bundle: Bundle,
    *,
    threads: int,
    max_tokens: int,
    runtime: str = AUTO,
    drift_max: float = TOLERANCE,
    now_s: Callable[[], float] = time.perf_counter,
) -> Session:
    """Open a bundle in a runtime, or with ``auto`` in the one of those installed that is fastest for one candle.

    Runtimes of fewer bits are tried only where ``drift_max`` allows for them.

    Raises
    ------
    BundleError
        The runtime is not installed, or its answers are not the golden ones; with ``auto``, no runtime's are.
    """
    if runtime != AUTO:
        return Session(bundle, threads, max_tokens, runtime, drift_max)
    best: tuple[float, Session] | None = None
    trials = []
    for name in [name for name, one in runtimes().items() if one.exact or drift_max > TOLERANCE]:
        try:
            session = Session(bundle, threads, max_tokens, name, drift_max)
        except BundleError as error:
            trials.append(Trial(name, refused=str(error)))
            continue
        trials.append(Trial(name, _step_ms(session, now_s)))
        if best is None or trials[-1].step_ms < best[0]:
            best = trials[-1].step_ms, session
    chosen = "" if best is None else best[1].runtime
    # One event: of several of a kind all but the first would be left out.
    _log.info("runtimes_tried", bundle=bundle.manifest.id, chosen=chosen, table=[trial.row for trial in trials])
    if best is None:
        raise BundleError("; ".join(trial.refused for trial in trials))
    return best[1]


def _step_ms(session: Session, now_s: Callable[[], float]) -> float:
    """Milliseconds of one candle of one series with its caches: what a live signal waits for."""
    slot, rows = session.acquire(), session.bundle.manifest.golden.rows.array[0]
    session.run([Job(slot, rows, fresh=True)])
    taken = []
    for _ in range(STEPS):
        begun_s = now_s()
        session.run([Job(slot, rows[-1:], fresh=False)])
        taken.append(now_s() - begun_s)
    session.release(slot)
    return 1_000 * sorted(taken)[STEPS // 2]
