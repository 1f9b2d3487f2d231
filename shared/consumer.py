"""The loop every stage runs: read, process, pass the gate. Exactly once and in order, whoever runs, pauses or dies."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import redis
import structlog

from shared.broker import LOST, Post, alone, fields_of
from shared.clock import Clock
from shared.contracts import PARTITIONS
from shared.errors import BrokerError, EntryError, StageHaltedError, SupersededError, SystemicError
from shared.gate import START, Crossing, Gate, GateLimits, Passage
from shared.membership import Membership, share_out
from shared.metrics import Metrics
from shared.names import Names
from shared.settings.groups import FeatureServiceSettings, SystemSettings, WorkerSettings
from shared.stage import Batch, Dead, Entry, Result, Stage
from shared.suspects import Suspects
from shared.trim_alarm import TrimAlarm
from shared.wire import ask

M = TypeVar("M")

BLOCK_MS = 100
BACKOFF_S = 0.05
BACKOFF_MAX_S = 2.0
DEAD_ALLOWED, DEAD_AMONG = 20, 1_000
"""More failures than this among so many well-formed entries are the stage's fault, not theirs."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class ConsumerLimits:
    """Bounds of a consumer."""

    read_count: int  # entries a partition and read
    batch: int  # entries processed between two looks at the time and at the gate
    max_backlog: int
    max_attempts: int

    @classmethod
    def of(cls, service: FeatureServiceSettings | WorkerSettings, system: SystemSettings) -> "ConsumerLimits":
        """Take them from the settings."""
        return cls(service.read_count, service.batch, system.max_backlog, system.max_attempts)


class Consumer(Generic[M]):
    """One instance of a stage.

    Parameters
    ----------
    membership
        Its place among the instances that share the partitions.
    stop
        Set to make ``run`` finish its batch, leave and return.
    on_renewal
        Called whenever the membership was renewed: what else must be said or looked at once a second.
    """

    def __init__(
        self,
        client: redis.Redis,
        names: Names,
        stage: Stage[M],
        membership: Membership,
        clock: Clock,
        limits: ConsumerLimits,
        metrics: Metrics,
        stop: threading.Event,
        on_renewal: Callable[[], None] = lambda: None,
    ) -> None:
        self._client, self._names, self._stage, self._membership = client, names, stage, membership
        self._clock, self._limits, self._metrics, self._stop = clock, limits, metrics, stop
        self._post = Post(client)
        self._on_renewal = on_renewal
        self._positions: dict[int, str] = {}
        self._log_of: dict[bytes, int] = {}  # in the order of the positions
        self._unread: dict[int, int] = {}
        self._departure = START  # the last one heard of
        self._suspects = Suspects(names, stage.keys.stage, membership.instance, limits.max_attempts)
        self._trim_alarm = TrimAlarm(stage.keys, metrics)
        self._verdicts: deque[bool] = deque(maxlen=DEAD_AMONG)
        self._backoff_s = BACKOFF_S

    @cached_property
    def _own(self) -> redis.Redis:
        """Client of one connection: a pool's bookkeeping would be done for every candle."""
        return alone(self._client)

    @cached_property
    def _gate(self) -> Gate:
        limits = GateLimits(self._limits.max_backlog)
        return Gate(self._own, self._names, self._stage, self._membership.instance, limits)

    def run(self, *, until_idle: bool = False) -> None:
        """Work until stopped, or, with ``until_idle``, until nothing waits.

        Raises
        ------
        SystemicError
            Only with ``until_idle``; a service waits instead, not ready, its position unmoved.
        """
        while not self._stop.is_set():
            try:
                entries = self.turn(block_ms=0 if until_idle else BLOCK_MS)
                self._backoff_s = BACKOFF_S
                self._metrics.readiness.met("broker")
                self._metrics.readiness.met("stage")
                if until_idle and not entries and not self._membership.due():
                    break
            except (*LOST, SystemicError) as error:
                if until_idle:
                    raise
                self._stand_back(error)
        self._leave()

    def turn(self, block_ms: int) -> int:
        """Go round once; returns how many entries were read."""
        if self._membership.due():
            self._assign(share_out(self._membership.renew(), PARTITIONS).get(self._membership.instance, []))
            self._on_renewal()
            self._log_of = {self._stage.input_log(p).encode(): p for p in self._positions}
        batches = self._read(min(block_ms, max(1, int(1_000 * self._membership.due_in_s()))) if block_ms else 0)
        self._decode(batches)
        healthy = [batch for batch in batches if not self._suspects.holds(batch.partition)]
        for batch_of_several in self._slices(healthy):
            self._process(batch_of_several)
            self._finish(batch_of_several)
            if self._membership.due() or self._stop.is_set():
                return sum(len(batch.entries) for batch in batches)  # what is left is read again
        # One suspect entry a turn: what it may take down with it is finished before, and nobody else is accused.
        for batch in [batch for batch in batches if batch not in healthy][:1]:
            self._process_alone(batch)
            self._finish([batch])
        return sum(len(batch.entries) for batch in batches)

    def _assign(self, partitions: Sequence[int]) -> None:
        """Take over and give up partitions; a partition taken over is read from its stored position."""
        gone = [p for p in self._positions if p not in set(partitions)]
        new = [p for p in partitions if p not in self._positions]
        for p in gone:
            del self._positions[p]
            self._unread.pop(p, None)
        for p in new:
            self._positions[p] = self._gate.position(p).id
            self._suspects.take_over(self._client, p, self._positions[p])
        if gone or new:
            self._stage.forget([*gone, *new])
            _log.info("partitions_assigned", stage=self._stage.keys.stage, held=len(self._positions), new=len(new))

    def _read(self, block_ms: int) -> list[Batch[M]]:
        """Read what waits in all partitions at once, and hear of instances that left."""
        departures = self._membership.departures.encode()
        block = ["BLOCK", block_ms] if block_ms else []
        reply = ask(
            self._own, "XREAD", "COUNT", self._limits.read_count, *block,
            "STREAMS", *self._log_of, departures, *self._positions.values(), self._departure,
        )  # fmt: skip
        batches = []
        for log, entries in reply or []:
            if log == departures:
                self._departure = entries[-1][0].decode()
                self._membership.expire()
            else:
                p = self._log_of[log]
                batches.append(Batch[M](p, [Entry(p, entry[0].decode(), fields_of(entry)) for entry in entries]))
        return batches

    def _slices(self, batches: list[Batch[M]]) -> Iterator[list[Batch[M]]]:
        """Whole partitions together, up to ``limits.batch`` entries: so long may others wait for this instance."""
        taken: list[Batch[M]] = []
        for batch in batches:
            if taken and sum(len(one.entries) for one in taken) + len(batch.entries) > self._limits.batch:
                yield taken
                taken = []
            taken.append(batch)
        if taken:
            yield taken

    def _decode(self, batches: list[Batch[M]]) -> None:
        for batch in batches:
            for entry in batch.entries:
                try:
                    batch.messages.append(self._stage.decode(entry))
                except EntryError as error:
                    batch.messages.append(Dead(error.reason, str(error)))

    def _process(self, batches: list[Batch[M]]) -> None:
        """Fill in the results of several partitions in one call; if it fails, go entry by entry from the next turn."""
        self._post.send([self._suspects.mark(batch.partition, batch.entries) for batch in batches])
        messages = [message for batch in batches for message in batch.messages if not isinstance(message, Dead)]
        try:
            results = iter(self._worked(messages, batches))
        except (SystemicError, *LOST):
            raise
        except Exception:  # noqa: BLE001 - whatever one entry provoked: going entry by entry finds out which
            _log.exception("batch_failed", stage=self._stage.keys.stage, entries=len(messages))
            self._suspects.accuse(batches)
            self._stage.forget()
            return
        for batch in batches:
            batch.results = [message if isinstance(message, Dead) else next(results) for message in batch.messages]

    def _process_alone(self, batch: Batch[M]) -> None:
        """Fill in the result of the first entry; one that keeps failing, or killing, is a dead letter."""
        entry, message = batch.entries[0], batch.messages[0]
        if isinstance(message, Dead):
            batch.results = [message]
        elif self._suspects.exhausted(entry):
            batch.results = [self._failed(f"{self._limits.max_attempts} attempts failed or died on it")]
        else:
            self._post.send([self._suspects.mark(batch.partition, [entry])])
            try:
                batch.results = self._worked([message], [batch])
            except (SystemicError, *LOST):
                raise
            except Exception as error:  # noqa: BLE001 - whatever the entry provoked is its reason
                self._stage.forget([batch.partition])
                self._suspects.failed(entry)
                if self._suspects.exhausted(entry):
                    batch.results = [self._failed(f"{type(error).__name__}: {error}")]

    def _worked(self, messages: Sequence[M], batches: Sequence[Batch[M]]) -> list[Result]:
        """Let the stage work, and measure it."""
        began_s = self._clock.monotonic_s()
        results = self._stage.process(messages)
        self._metrics.compute.observe(self._clock.monotonic_s() - began_s)
        self._metrics.batch.observe(len(messages))
        for batch in batches:  # an entry's ID is when its candle was admitted, by the broker's clock
            admitted_ms = int(batch.entries[0].id.partition("-")[0])
            self._metrics.queue.observe(max(0.0, self._clock.now_ms() / 1_000 - admitted_ms / 1_000))
        return results

    def _failed(self, detail: str) -> Dead:
        _log.error("entry_failed", stage=self._stage.keys.stage, detail=detail)
        return Dead("failed", detail)

    def _finish(self, batches: list[Batch[M]]) -> None:
        """Pass the gate with what has results, and act on its answers."""
        crossings = [
            Crossing(
                batch.partition,
                self._positions[batch.partition],
                batch.entries[: len(batch.results)],
                batch.results,
            )
            for batch in batches
            if batch.results
        ]
        if not crossings:
            return
        superseded, missed = [], 0
        for crossing, answer in zip(crossings, self._gate.pass_through(crossings), strict=True):
            p = crossing.partition
            if answer.passage is Passage.DONE:
                self._positions[p] = crossing.entries[-1].id
                self._unread[p] = answer.unread
                missed += answer.missed
                self._suspects.cleared(p, crossing.entries[-1].id)
                self._count(crossing.results, answer.repeats)
            elif answer.passage is Passage.FULL:
                self._stage.forget([p])
                self._metrics.backlog_full.inc()
                self._clock.sleep(BACKOFF_S)
            elif answer.passage is Passage.SUPERSEDED:
                superseded.append(p)
            else:
                _log.info("race_lost", stage=self._stage.keys.stage, partition=p, passage=answer.passage.name)
                self._metrics.races_lost.inc()
                self._positions[p] = self._gate.position(p).id
                self._stage.forget([p])
        self._metrics.lag.set(sum(self._unread.values()))
        self._trim_alarm.look(self._unread, missed)
        self._halt_if_faulty()
        if superseded:
            raise SupersededError(f"{self._stage.keys.stage}: a newer bundle has predicted in partitions {superseded}")

    def _count(self, results: Sequence[Result], repeats: int) -> None:
        self._metrics.entries.inc(len(results))
        if repeats:
            self._metrics.dead_letters.labels("repeat").inc(repeats)
        for result in results:
            if isinstance(result, Dead):
                self._metrics.dead_letters.labels(result.reason).inc()
                _log.warning("entry_buried", stage=self._stage.keys.stage, reason=result.reason, detail=result.detail)
            if not isinstance(result, Dead) or result.reason == "failed":
                self._verdicts.append(isinstance(result, Dead))

    def _halt_if_faulty(self) -> None:
        if sum(self._verdicts) > DEAD_ALLOWED:
            raise StageHaltedError(
                f"{self._stage.keys.stage}: more than {DEAD_ALLOWED} of the last {DEAD_AMONG} entries failed; "
                "see `natron dead list`, mend the cause, start it again"
            )

    def _stand_back(self, error: Exception) -> None:
        """Wait for the broker or for a mend; what was held in memory may be stale by then."""
        _log.error("stage_waiting", stage=self._stage.keys.stage, error=str(error), retry_s=self._backoff_s)
        about = "broker" if isinstance(error, (*LOST, BrokerError)) else "stage"
        self._metrics.readiness.unmet(about, str(error))
        self._post.close()
        self._positions.clear()
        self._unread.clear()
        self._suspects.clear()
        self._stage.forget()
        if isinstance(error, SupersededError):
            self._try_to_leave()  # whoever has the newer bundle takes over at once
        self._membership.expire()
        if isinstance(error, StageHaltedError):
            self._stop.wait()
        self._stop.wait(self._backoff_s)
        self._backoff_s = min(2 * self._backoff_s, BACKOFF_MAX_S)

    def _try_to_leave(self) -> None:
        try:
            self._membership.leave()
        except LOST as error:
            _log.warning("leave_failed", stage=self._stage.keys.stage, error=str(error))

    def _leave(self) -> None:
        self._try_to_leave()
        self._post.close()
        self._stage.forget()
        self._positions.clear()
