"""The thread that reads the predictions logs and hands over what it read."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import redis
import structlog

from bridge.ledger import Entry
from bridge.lines import signal_body
from bridge.log_places import LogPlaces
from bridge.mailbox import Mailbox
from shared.broker import LOST, Post, alone, check_fitness, connect, fields_of
from shared.codec import decode_prediction
from shared.contracts import PARTITIONS
from shared.delivery import DeliveryReasons
from shared.errors import JunkError
from shared.names import Names
from shared.passages import PassageNote
from shared.readiness import Readiness
from shared.wire import ask

BLOCK_MS = 100
READ_COUNT = 64
"""Entries read a partition at a time."""
_SLICE = 256  # entries handed over at once: HELLOs are answered in between
_SLICES_WAITING = 16
_NOTES_MAX = 1_024
_BACKOFF_S, _BACKOFF_MAX_S = 0.05, 1.0
_log = structlog.get_logger()


class Condemn(Protocol):
    """Take an entry off a log and bury it, as ``shared.dead_letters.condemn``; False if another was first."""

    def __call__(
        self,
        client: redis.Redis,
        names: Names,
        p: int,
        log_key: str,
        entry_id: str,
        *,
        stage: str,
        reason: str,
        detail: str,
    ) -> bool:
        """Do it in one atomic step."""
        ...


@dataclass(frozen=True, slots=True)
class Baseline:
    """A new beginning: the newest prediction of each series. ``hole``: entries were lost before it."""

    newest: list[Entry]
    hole: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Entries of one partition's log: those after ``after`` up to ``last``."""

    partition: int
    after: str
    last: str
    entries: int


@dataclass(frozen=True, slots=True)
class Read:
    """Predictions in the order of their logs, and how many entries beside them were junk.

    ``spans`` are the stretches of the logs that end with these: to be noted once they are sent.
    """

    entries: list[Entry]
    junk: int = 0
    spans: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more comes: the reader was stopped, or met an error that no waiting mends."""

    error: Exception | None


Item = Baseline | Read | End


class LogReader:
    """Reads from each log's end on, through lost connections; begins anew where a log was trimmed too far.

    Parameters
    ----------
    url
        The broker; the reader has a connection of its own, since it waits on it.
    stop
        Set to make it hand over what it has read and end.
    readiness
        Told whether the broker can be read.
    """

    def __init__(
        self,
        url: str,
        names: Names,
        reasons: DeliveryReasons,
        condemn: Condemn,
        stop: threading.Event,
        readiness: Readiness,
    ) -> None:
        self._client = connect(url)
        self._waiting: redis.Redis | None = None
        self._names, self._condemn, self._stop, self._readiness = names, condemn, stop, readiness
        self._reasons = reasons
        self._places = LogPlaces(self._client, names)
        self._items = Mailbox[Item](_SLICES_WAITING)
        self._notes: deque[tuple[int, PassageNote]] = deque(maxlen=_NOTES_MAX)
        self._post = Post(self._client)
        self._step: Callable[[], None] = self._begin
        self._thread = threading.Thread(target=self._run, name="log-reader", daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def fileno(self) -> int:
        """File descriptor that is readable while items wait."""
        return self._items.fileno()

    def item(self) -> Item | None:
        """Take the next item; None if none waits."""
        return self._items.take()

    def note(self, partition: int, note: PassageNote) -> None:
        """Have a note written; called by whoever sent the lines. Notes are dropped while the broker takes none."""
        self._notes.append((partition, note))

    def _write_notes(self) -> None:
        commands = []
        while self._notes:
            partition, note = self._notes.popleft()
            commands.append(note.command(self._names, partition))
        if commands:
            self._post.send(commands)

    def close(self) -> None:
        """Stop, drop what was not taken, and leave the broker."""
        self._stop.set()
        while self._thread.is_alive():
            self.item()
            self._thread.join(0.02)
        if self._waiting is not None:
            self._waiting.close()
        self._post.close()
        self._client.close()
        self._items.close()

    def _run(self) -> None:
        error: Exception | None = None
        try:
            self._read_until_stopped()
        except Exception as caught:  # noqa: BLE001 - raised again by whoever takes the End
            error = caught
        self._items.put(End(error))

    def _read_until_stopped(self) -> None:
        backoff_s = _BACKOFF_S
        while not self._stop.is_set():
            try:
                self._reasons.refresh(self._client)
                self._step()
                self._readiness.met("broker")
                backoff_s = _BACKOFF_S
            except LOST as error:
                if self._step == self._read_on:
                    self._step = self._resume
                self._readiness.unmet("broker", str(error))
                _log.warning("broker_lost", error=str(error), retry_s=backoff_s)
                self._stop.wait(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)

    def _connected(self) -> redis.Redis:
        """Client of one connection: a pool replaces a lost one without a word, and it must be noticed."""
        if self._waiting is None:
            self._waiting = alone(self._client)
        return self._waiting

    def _begin(self, *, hole: bool = False) -> None:
        """Stand at each log's end, then take the newest of each series; what comes in between is in both."""
        self._connected().ping()
        check_fitness(self._client, self._names)
        self._places.go_to_end()
        pipeline = self._client.pipeline(transaction=False)
        for p in range(PARTITIONS):
            pipeline.hvals(self._names.latest(p))
        newest = []
        for p, messages in enumerate(pipeline.execute()):
            for message in messages:
                try:
                    newest.append(self._entry(p, message))
                except JunkError as error:
                    _log.warning("latest_skipped", partition=p, reason=str(error))
        self._items.put(Baseline(newest, hole))
        self._step = self._read_on

    def _resume(self) -> None:
        """After a lost connection: go on where it was, if that place still means the same."""
        self._connected().ping()
        if self._places.fell_back() or self._places.trimmed(range(PARTITIONS)):
            self._begin_after_hole()
        self._step = self._read_on

    def _begin_after_hole(self) -> None:
        self._step = self._begin_after_hole  # until it succeeds: the old places mean nothing any more
        _log.error("predictions_missed", mend="raise system.predictions_keep if the broker was not restored")
        self._begin(hole=True)

    def _read_on(self) -> None:
        self._write_notes()
        streams = self._places.streams
        reply = ask(self._connected(), "XREAD", "COUNT", READ_COUNT, "BLOCK", BLOCK_MS, "STREAMS", *streams)
        if not reply:
            return
        batches = {self._places.partition(log): entries for log, entries in reply}
        with self._places.looking(batches) as trimmed:
            decoded = {p: self._decode(p, entries) for p, entries in batches.items()}
            hole = trimmed()
        if hole:
            self._begin_after_hole()
        else:
            self._hand_over_batches(decoded)

    def _decode(self, p: int, entries: list[Any]) -> list[tuple[str, Entry | None]]:
        """ID and prediction of each entry; what is none is condemned and stands as None."""
        decoded: list[tuple[str, Entry | None]] = []
        for raw in entries:
            entry_id = raw[0].decode()
            try:
                decoded.append((entry_id, self._entry(p, fields_of(raw).get(b"m", b""))))
            except JunkError as error:
                _log.warning("entry_condemned", partition=p, id=entry_id, reason=str(error))
                log = self._names.predictions(p)
                self._condemn(
                    self._client, self._names, p, log, entry_id,
                    stage="bridge", reason=error.reason, detail=str(error),
                )  # fmt: skip
                self._places[p].gone += 1  # whoever took it off the log: it was seen here, so it is no hole
                decoded.append((entry_id, None))
        return decoded

    def _entry(self, p: int, message: bytes) -> Entry:
        prediction = decode_prediction(message)
        if prediction.series.partition != p:
            raise JunkError(f"series {prediction.series.key} is not of partition {p}")
        return Entry(prediction, message, signal_body(prediction))

    def _hand_over_batches(self, decoded: dict[int, list[tuple[str, Entry | None]]]) -> None:
        """Only now that nothing can fail any more: hand everything over and move on."""
        good = []
        spans = []
        for p, entries in decoded.items():
            spans.append(Span(p, self._places[p].after, entries[-1][0], len(entries)))
            self._places[p].after = entries[-1][0]
            for entry_id, entry in entries:
                if entry is not None:
                    self._places[p].anchor = entry_id
                    good.append(entry)
        junk = sum(len(entries) for entries in decoded.values()) - len(good)
        slices = [good[start : start + _SLICE] for start in range(0, len(good), _SLICE)] or [good]
        for at, entries_of_slice in enumerate(slices):
            last = at == len(slices) - 1
            self._items.put(Read(entries_of_slice, junk if at == 0 else 0, spans if last else ()))
