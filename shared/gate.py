"""The gate: outputs and position move together, or not at all. Design of the script: ``scripts/gate.lua``."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from shared.broker import text
from shared.dead_letters import DEAD_KEEP
from shared.names import Names
from shared.passages import PASSAGES_KEEP
from shared.scripts import pack, script
from shared.stage import Dead, Entry, Kept, Output, Pass, Result, Stage

START = "0-0"


class Passage(enum.Enum):
    """What the gate answered."""

    DONE = 1
    MOVED = 0  # somebody else finished this batch: drop the work and the caches, read the position again
    SUPERSEDED = -1  # a newer bundle has written: this one never writes here again
    FULL = -2  # what comes next is behind: the same batch again, later


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stage is in a partition's log."""

    id: str = START
    read: int = 0
    promote: int = 0

    @classmethod
    def parse(cls, value: bytes | str | None) -> "Position":
        """Read the broker's form, ``id read promote``."""
        if value is None:
            return cls()
        entry_id, read, promote = text(value).split(" ")
        return cls(entry_id, int(read), int(promote))


@dataclass(frozen=True, slots=True)
class Crossing:
    """One partition's batch at the gate."""

    partition: int
    begin: str  # the position it started from
    entries: Sequence[Entry]
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a batch at the gate."""

    passage: Passage
    repeats: int = 0  # of its outputs
    unread: int = 0  # entries of the input log that wait
    missed: int = 0  # entries that were trimmed before they were read


@dataclass(frozen=True)
class GateLimits:
    """Bounds the gate keeps."""

    max_backlog: int


class Gate:
    """Caller's side of the gate script; ``instance`` is the caller's name in the notes of passages."""

    def __init__(self, client: redis.Redis, names: Names, stage: Stage[Any], instance: str, limits: GateLimits) -> None:
        self._client, self._names, self._stage, self._limits = client, names, stage, limits
        self._instance = instance
        self._script = script("gate")

    def position(self, p: int) -> Position:
        """Where this stage stands in partition ``p``."""
        return Position.parse(self._client.hget(self._names.position(p), self._stage.keys.stage))

    def pass_through(self, crossings: Sequence[Crossing]) -> list[Answer]:
        """Send the batches of several partitions at once; an answer for each."""
        replies = self._script.run_all(self._client, [self._call(crossing) for crossing in crossings])
        return [Answer(Passage(reply[0]), *reply[1:]) for reply in replies]

    def _call(self, crossing: Crossing) -> tuple[list[str], list[Any]]:
        p, stage, names = crossing.partition, self._stage, self._names
        index_of: dict[str, int] = {}
        # A key that is declared must be one that the caller may write: who does not write `latest` does not name it.
        latest = names.latest(p) if stage.keys.writes_latest else names.position(p)
        keys = [
            names.position(p), names.attempts(p), stage.input_log(p), stage.output_log(p), names.dead(p),
            latest, names.passages(p),
        ]  # fmt: skip
        series_rows: list[list[Any]] = []
        entry_rows: list[list[Any]] = []
        for entry, result in zip(crossing.entries, crossing.results, strict=True):
            if isinstance(result, Dead):
                flat = [item for pair in entry.fields.items() for item in pair]
                entry_rows.append([entry.id, 0, result.reason, result.detail, flat])
            elif isinstance(result, Output):
                key = result.series.key
                if key not in index_of:
                    index_of[key] = len(index_of) + 1
                    keys += [stage.side(result.series), stage.source(result.series)]
                    series_rows.append([key, 0, []])
                row, kept = series_rows[index_of[key] - 1], result.kept
                row[1] = kept.n
                row[2] += [_flat(item) for item in result.missing]
                entry_rows.append([entry.id, index_of[key], *_flat(kept)])
            else:
                assert isinstance(result, Pass)
        bounds = stage.keys
        args = [
            bounds.stage, crossing.begin, crossing.entries[-1].id, len(crossing.entries), bounds.promote,
            bounds.input_keep if bounds.holds_input else -1, bounds.output_keep, self._limits.max_backlog,
            bounds.side_keep, bounds.source_keep, DEAD_KEEP, int(bounds.writes_latest), int(bounds.side_keyless),
            self._instance, PASSAGES_KEEP, pack([series_rows, entry_rows]),
        ]  # fmt: skip
        return keys, args


def _flat(kept: Kept) -> list[Any]:
    return [kept.t, kept.message, kept.n]
