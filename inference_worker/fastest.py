"""Which runtime serves a bundle: of those that give the golden answers, the fastest on its golden inputs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from inference_worker.bundle import Bundle
from inference_worker.runtimes import runtimes
from inference_worker.session import Job, Session
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


def open_session(
    bundle: Bundle,
    *,
    threads: int,
    max_tokens: int,
    runtime: str = AUTO,
    now_s: Callable[[], float] = time.perf_counter,
) -> Session:
    """Open a bundle in a runtime, or with ``auto`` in the one of those installed that is fastest for one candle.

    Raises
    ------
    BundleError
        The runtime is not installed, or its answers are not the golden ones; with ``auto``, no runtime's are.
    """
    names = list(runtimes()) if runtime == AUTO else [runtime]
    if len(names) == 1:
        return Session(bundle, threads, max_tokens, names[0])
    best: tuple[float, Session] | None = None
    trials = []
    for name in names:
        try:
            session = Session(bundle, threads, max_tokens, name)
        except BundleError as error:
            trials.append(Trial(name, refused=str(error)))
            continue
        trials.append(Trial(name, _step_ms(session, now_s)))
        if best is None or trials[-1].step_ms < best[0]:
            best = trials[-1].step_ms, session
    for trial in trials:
        _log.info(
            "runtime_tried", bundle=bundle.manifest.id, runtime=trial.runtime,
            step_ms=round(trial.step_ms, 3), refused=trial.refused,
        )  # fmt: skip
    if best is None:
        raise BundleError("; ".join(trial.refused for trial in trials))
    _log.info("runtime_chosen", bundle=bundle.manifest.id, runtime=best[1].runtime)
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
