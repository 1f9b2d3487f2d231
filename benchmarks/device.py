"""A worker whose device is not here: ``python -m benchmarks.device KIND``, otherwise the very worker that serves.

KIND ``simulated``: an accelerator that takes 100 ms for a batch of at most 16 candles, whatever this machine has.
KIND ``windows``: every candle costs a window of 96, so that arithmetic is what workers share.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np

from inference_worker.bundle import HEADS, Bundle
from inference_worker.service import SERVICE, bundle_folder
from inference_worker.session import Heads, Job, Session
from inference_worker.stage import PredictionStage
from natron.environment import read_settings
from shared.consumer import Consumer, ConsumerLimits
from shared.contracts import WINDOW
from shared.membership import Membership
from shared.metrics import Metrics
from shared.service import open_service

BATCH, BATCH_S = 16, 0.1


class SimulatedSession(Session):
    """Answers even odds, as slowly as the device would."""

    def run(self, jobs: Sequence[Job]) -> list[Heads]:
        """Wait for the device, then answer."""
        if not hasattr(self, "_golden_checked"):
            return super().run(jobs)
        candles = sum(map(_candles, jobs))
        time.sleep(BATCH_S * -(-candles // BATCH))
        return [_even(len(job.rows)) for job in jobs]

    def _check_golden(self) -> None:
        self._golden_checked = True


class WindowSession(Session):
    """Recomputes 96 rows for every candle and throws the first 95 answers away."""

    def run(self, jobs: Sequence[Job]) -> list[Heads]:
        """Do the work of windows."""
        for job in jobs:
            for _ in range(_candles(job)):
                super().run([Job(job.slot, np.repeat(job.rows[:1], WINDOW, 0), fresh=True)])
        return super().run(jobs)

    def _check_golden(self) -> None:
        """Not here: it would count as work."""


def _candles(job: Job) -> int:
    """Rows to predict, without those that only fill a fresh window."""
    return max(1, len(job.rows) - (WINDOW - 1)) if job.fresh else len(job.rows)


SESSIONS = {"simulated": SimulatedSession, "windows": WindowSession}


def _even(count: int) -> Heads:
    return {
        head: np.full(count if len(classes) == 2 else (count, len(classes)), 1 / len(classes), np.float32)
        for head, classes in HEADS.items()
    }


def main(kind: str) -> None:
    """Serve until told to stop."""
    settings = read_settings(None, None)
    context = open_service(SERVICE, settings)
    session = SESSIONS[kind](
        Bundle.load(bundle_folder(settings)), settings.inference.threads, settings.inference.max_tokens
    )
    metrics = Metrics(SERVICE)
    Consumer(
        context.client,
        context.names,
        PredictionStage(context.client, context.names, context.clock, settings, metrics, session),
        Membership(context.client, context.names, SERVICE, context.instance, context.clock),
        context.clock,
        ConsumerLimits.of(settings.worker, settings.system),
        metrics,
        context.stop,
    ).run()


if __name__ == "__main__":
    main(sys.argv[1])
