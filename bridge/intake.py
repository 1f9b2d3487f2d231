"""The thread that takes what Expert Advisors send into the broker: candles through admission, acks into their log."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from queue import Empty, Queue

import redis
import structlog

from bridge.bulk import read_bulk
from bridge.ea_lines import PushLine, Refusal
from bridge.mailbox import Mailbox
from bridge.stats import BridgeStats
from producer.zones import Zone
from shared.ack_log import AckLog
from shared.admission import Admission, AdmissionLimits, Push, Verdict
from shared.broker import LOST, connect
from shared.clock import Clock
from shared.contracts import Ack, Candles, Series
from shared.errors import BusyError, JunkError, TailLostError
from shared.names import Names
from shared.settings.groups import SystemSettings

JOBS_MAX = 1_024
"""Jobs that may wait: 15 MB of candles."""
BUSY_AGAIN_S = 0.25
BUSY_GIVE_UP_S = 8.0
"""So long a push is tried again while the system is busy; before the EA, which waits for 10 s, asks again."""
WAIT_MS = 2_000
"""What a client is told to wait whose push was given up."""
_TOGETHER = 64  # jobs taken at once
_TURN_S = 0.1
_BACKOFF_S = 0.2
_PLACES_MAX = 65_536
_KNOWN = frozenset({Verdict.DUPLICATE, Verdict.OLD})
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Question:
    """Where a series stands; ``wire`` is the series as the client spells it."""

    peer: bytes
    wire: Series
    series: Series


@dataclass(frozen=True, slots=True)
class Delivery:
    """A frame of candles; ``due_s`` and ``until_s`` are its next try and its last."""

    peer: bytes
    line: PushLine
    frame: bytes
    series: Series
    source: str
    zone: Zone | None
    until_s: float
    due_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """An ack; ``symbol`` as the client spells it."""

    peer: bytes
    symbol: str
    ack: Ack


Job = Question | Delivery | Report


@dataclass(frozen=True, slots=True)
class Placed:
    """Answer to a question or a delivery: fields of an ``R1`` line."""

    peer: bytes
    wire: Series
    candle_ms: int
    wait_ms: int = 0
    admitted: int = 0
    refusals: Sequence[Refusal] = ()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Answer to a report."""

    peer: bytes
    symbol: str
    number: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """A job that has no answer: junk, or the broker is away; the client asks again."""

    job: Job

    @property
    def peer(self) -> bytes:
        """Connection that it came from."""
        return self.job.peer


Outcome = Placed | Confirmed | Dropped
Close = Callable[[Job, Outcome | None], None]
"""Ends a job with its outcome; with None it is held, to be done later."""


class Intake:
    """Takes jobs, and hands out one outcome for each.

    Parameters
    ----------
    every_second
        Called in the thread once a second with the client of the broker.
    """

    def __init__(
        self,
        url: str,
        names: Names,
        settings: SystemSettings,
        clock: Clock,
        stats: BridgeStats,
        every_second: Callable[[redis.Redis], None] = lambda _: None,
    ) -> None:
        self._client, self._clock, self._stats, self._every_second = connect(url), clock, stats, every_second
        limits = AdmissionLimits.of(settings)
        self._admission = Admission(self._client, names, clock, limits)
        self._acks = AckLog(self._client, names, settings.acks_keep)
        self._jobs: Queue[Job] = Queue(JOBS_MAX)
        self._outcomes = Mailbox[Outcome](0)  # as many as jobs were let in
        self._second_s = 0.0
        self._held: list[Delivery] = []  # pushes that met a busy system
        self._places: dict[Series, int] = {}  # newest candle that the broker was seen to hold
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        """Start working."""
        self._thread.start()

    def fileno(self) -> int:
        """File descriptor that is readable while outcomes wait."""
        return self._outcomes.fileno()

    def submit(self, job: Job) -> bool:
        """Hand a job in; False where too many wait."""
        if self._jobs.full():
            return False
        self._jobs.put_nowait(job)
        return True

    def outcome(self) -> Outcome | None:
        """Take the next outcome; None if none waits."""
        return self._outcomes.take()

    def close(self) -> None:
        """Finish the batch under way and leave the broker; what waits is the next bridge's."""
        self._ended.set()
        self._thread.join()
        self._client.close()
        self._outcomes.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            jobs = self._next_jobs()
            try:
                self._work(jobs)
                self._tick()
            except LOST as error:
                _log.warning("intake_waits", error=str(error), jobs=len(jobs))
                self._ended.wait(_BACKOFF_S)
            except Exception:  # noqa: BLE001 - a job that nobody foresaw must not end what all others need
                _log.exception("intake_failed", jobs=len(jobs))

    def _tick(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s >= self._second_s:
            self._second_s = now_s + 1.0
            self._every_second(self._client)

    def _next_jobs(self) -> list[Job]:
        now_s = self._clock.monotonic_s()
        jobs: list[Job] = [held for held in self._held if held.due_s <= now_s]
        self._held = [held for held in self._held if held.due_s > now_s]
        try:
            jobs.append(self._jobs.get(timeout=0.0 if jobs else _TURN_S) if not jobs else self._jobs.get_nowait())
            while len(jobs) < _TOGETHER:
                jobs.append(self._jobs.get_nowait())
        except Empty:
            pass
        return jobs

    def _work(self, jobs: list[Job]) -> None:
        """Do all of them; whatever comes in between, each gets its one outcome."""
        open_jobs: list[Job] = jobs[:]

        def close(job: Job, outcome: Outcome | None) -> None:
            open_jobs.remove(job)
            if outcome is not None:
                self._outcomes.put(outcome)

        try:
            self._take_acks([job for job in jobs if isinstance(job, Report)], close)
            for job in jobs:
                if isinstance(job, Question):
                    close(job, Placed(job.peer, job.wire, self._look(job.series)))
            self._take_candles([job for job in jobs if isinstance(job, Delivery)], close)
        finally:
            for job in open_jobs:
                self._outcomes.put(Dropped(job))

    def _take_acks(self, jobs: list[Report], close: Close) -> None:
        if not jobs:
            return
        numbers = self._acks.append([job.ack for job in jobs])
        for job, number in zip(jobs, numbers, strict=True):
            close(job, Confirmed(job.peer, job.symbol, number))
        self._stats.acks += len(jobs)

    def _look(self, series: Series) -> int:
        newest = self._admission.newest(series) or 0
        if len(self._places) >= _PLACES_MAX:
            self._places.clear()
        self._places[series] = newest
        return newest

    def _take_candles(self, jobs: list[Delivery], close: Close) -> None:
        """Admit, in one pipeline; a busy system's are held."""
        taken = {held.series for held in self._held}
        read: list[tuple[Delivery, Candles, list[Refusal]]] = []
        for job in jobs:
            if job.series in taken:  # one push of a series after the other: what comes out of order would be late
                self._hold(job, 0.0, close)
                continue
            taken.add(job.series)
            try:
                read.append((job, *read_bulk(job.line, job.frame, job.zone)))
            except JunkError as error:
                self._stats.requests_refused += 1
                _log.warning("candles_refused", client=job.line.client, series=job.series.key, reason=str(error))
                close(job, Dropped(job))
        places = self._places
        pushes = [Push(job.series, candles, job.source, 0, places.get(job.series, 0)) for job, candles, _ in read]
        for (job, candles, refusals), found in zip(read, self._admission.admit_each(pushes), strict=True):
            if isinstance(found, BusyError) and self._clock.monotonic_s() < job.until_s:
                self._hold(job, BUSY_AGAIN_S, close)
            elif isinstance(found, BusyError):
                self._stats.pushes_busy += 1
                close(job, Placed(job.peer, job.line.series, self._look(job.series), WAIT_MS))
            elif isinstance(found, TailLostError):
                close(job, Placed(job.peer, job.line.series, self._look(job.series)))
            else:
                close(job, self._settled(job, candles, found, refusals))

    def _hold(self, job: Delivery, wait_s: float, close: Close) -> None:
        self._held.append(replace(job, due_s=self._clock.monotonic_s() + wait_s))
        close(job, None)

    def _settled(self, job: Delivery, candles: Candles, verdicts: list[Verdict], refusals: list[Refusal]) -> Placed:
        """All candles of a push are held, or refused for good: the client goes on after its last one."""
        judged = list(zip(candles["t"].tolist(), verdicts, strict=True))
        admitted = [t for t, verdict in judged if verdict is Verdict.ADMITTED]
        known = [t for t, verdict in judged if verdict in _KNOWN]
        named = [Refusal(t, verdict.value) for t, verdict in judged if verdict not in {Verdict.ADMITTED, *_KNOWN}]
        named += refusals
        if admitted:
            self._places[job.series] = admitted[-1]
        self._stats.pushes += 1
        self._stats.candles_admitted += len(admitted)
        self._stats.candles_known += len(known)
        self._stats.candles_refused += len(named)
        if named:
            first = named[0]
            _log.warning(
                "candles_refused", client=job.line.client, series=job.series.key, count=len(named),
                first_ms=first.candle_ms, reason=first.reason,
            )  # fmt: skip
        return Placed(
            job.peer, job.line.series, job.line.last_ms, 0, len(admitted), sorted(named, key=attrgetter("candle_ms"))
        )
