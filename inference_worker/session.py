"""A bundle at work: the graph in a runtime, and the caches of every series it has seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_worker.bundle import EMBEDDING, Bundle
from inference_worker.caches import SeriesCaches
from inference_worker.graph import LONGEST
from inference_worker.policy import PolicySession
from inference_worker.runtimes import open_graph
from shared.contracts import WINDOW, Rows
from shared.errors import BundleError

TOLERANCE = 1e-5
"""Largest difference of a probability that is still the same answer (float32 in another order)."""

SERIES_A_CALL = 64
"""Series in one call: enough that reading the weights is shared, few enough that a worker's buffers stay at 10 MB."""

Heads = dict[str, NDArray[np.float32]]  # head -> (T,) or (T, classes); EMBEDDING -> (T, d) where there is a policy


@dataclass(frozen=True, slots=True)
class Job:
    """Candles of one series for one call.

    ``rows`` is (T, F). With ``fresh`` the slot's caches count as empty and the first ``WINDOW - 1`` rows are the
    window before the candles that are asked for.
    """

    slot: int
    rows: Rows
    fresh: bool


class Session:
    """Runs a bundle's graph on steps, backlogs and windows alike.

    Parameters
    ----------
    threads
        The runtime's threads inside one call.
    max_tokens
        Candles in one call, padding included: bounds memory and the time until the next answer.
    runtime
        One of ``runtimes``.
    drift_max
        Largest difference of a probability from the golden ones; above ``TOLERANCE`` law 7 holds only so far.

    Raises
    ------
    BundleError
        A graph does not load, or its golden outputs differ.
    """

    def __init__(
        self, bundle: Bundle, threads: int, max_tokens: int, runtime: str = "cpu", drift_max: float = TOLERANCE
    ) -> None:
        self.bundle, self.runtime = bundle, runtime
        self._max_tokens, self._drift_max = max_tokens, drift_max
        try:
            self._graph = open_graph(runtime, bundle, threads)
        except BundleError as error:
            raise BundleError(f"{bundle.path}: {error}") from None
        self.policy = PolicySession(bundle, threads) if bundle.manifest.policy else None
        self._heads = [*bundle.manifest.heads, *([EMBEDDING] if self.policy else [])]
        self._entries = {cache.name: cache.entry for cache in bundle.manifest.caches}
        self._outputs = [*self._heads, *self._entries.values()]
        self._caches = SeriesCaches(bundle.manifest.caches, SERIES_A_CALL)
        self._check_golden()

    def acquire(self) -> int:
        """Slot for a series' caches; storage grows by doubling."""
        return self._caches.acquire()

    def release(self, slot: int) -> None:
        """Give a slot back."""
        self._caches.release(slot)

    def run(self, jobs: Sequence[Job]) -> list[Heads]:
        """Probabilities at every candle of every job (of the whole of ``rows``), caches moved on.

        One job a slot in one call of this method.
        """
        if max((len(job.rows) for job in jobs), default=0) <= LONGEST:
            return self._run_parts(jobs)
        pieces: list[list[Heads]] = [[] for _ in jobs]
        for start in range(0, max(len(job.rows) for job in jobs), LONGEST):
            going_on = [at for at, job in enumerate(jobs) if len(job.rows) > start]
            for at, heads in zip(going_on, self._run_parts([_part(jobs[at], start) for at in going_on]), strict=True):
                pieces[at].append(heads)
        return [_joined(found) for found in pieces]

    def _run_parts(self, jobs: Sequence[Job]) -> list[Heads]:
        """``run`` of jobs of at most ``LONGEST`` candles each."""
        found: list[Heads] = [{}] * len(jobs)
        for group in self._groups(jobs):
            for at, heads in zip(group, self._call([jobs[at] for at in group]), strict=True):
                found[at] = heads
        return found

    def _groups(self, jobs: Sequence[Job]) -> list[list[int]]:
        """Jobs of like length together: right-padding is wasted work, and few shapes keep memory flat."""
        by_length: dict[int, list[int]] = {}
        for at, job in enumerate(jobs):
            by_length.setdefault(_padded(len(job.rows)), []).append(at)
        groups = []
        for length, members in by_length.items():
            size = max(1, min(SERIES_A_CALL, self._max_tokens // length))
            groups += [members[at : at + size] for at in range(0, len(members), size)]
        return groups

    def _call(self, jobs: list[Job]) -> list[Heads]:
        lengths = [len(job.rows) for job in jobs]
        slots, counts = np.array([job.slot for job in jobs], np.int64), np.array(lengths, np.int64)
        age = np.array([0 if job.fresh else WINDOW for job in jobs], np.int64)
        feed: dict[str, NDArray[np.generic]] = {"rows": _stack(jobs, _padded(max(lengths))), "age": age}
        feed.update(self._caches.gather(slots))
        outputs = dict(zip(self._outputs, self._graph.run(self._outputs, feed), strict=True))
        self._caches.write(slots, counts, {name: outputs[entry] for name, entry in self._entries.items()})
        heads = [(head, outputs[head]) for head in self._heads]
        return [{head: values[at, :length] for head, values in heads} for at, length in enumerate(lengths)]

    def _check_golden(self) -> None:
        golden = self.bundle.manifest.golden
        slot = self.acquire()
        for at, rows in enumerate(golden.rows.array):
            heads = self.run([Job(slot, rows, fresh=True)])[0]
            for head, expected in golden.outputs.items():
                drift = float(np.abs(heads[head][-1] - expected.array[at]).max())
                if not drift <= self._drift_max:
                    raise BundleError(
                        f"{self.bundle.path}: golden output {head} differs by {drift:.2g}, at most "
                        f"{self._drift_max:g} is allowed (inference.drift_max); runtime {self.runtime} does not "
                        "compute what was exported"
                    )
        self.release(slot)


def _stack(jobs: Sequence[Job], length: int) -> NDArray[np.float32]:
    """(B, T, F): rows of every job, zeros on the right."""
    if length == 1:
        return np.concatenate([job.rows for job in jobs])[:, None]
    rows = np.zeros((len(jobs), length, jobs[0].rows.shape[1]), np.float32)
    for at, job in enumerate(jobs):
        rows[at, : len(job.rows)] = job.rows
    return rows


def _part(job: Job, start: int) -> Job:
    """The next rows of a job, at most ``LONGEST``; after the first part its caches are warm."""
    return Job(job.slot, job.rows[start : start + LONGEST], job.fresh and start == 0)


def _joined(pieces: Sequence[Heads]) -> Heads:
    """Answers of one series, part after part."""
    return {head: np.concatenate([piece[head] for piece in pieces]) for head in pieces[0]}


def _padded(length: int) -> int:
    """Length a job is padded to: powers of two up to 64, then multiples of 32."""
    if length <= 64:
        return 1 << (length - 1).bit_length()
    return -(-length // 32) * 32
