"""What a stage is: a reader of one log that writes another, through the gate."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from shared.contracts import Series

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Entry:
    """One raw entry of a partition's log."""

    partition: int
    id: str
    fields: dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Kept:
    """A message beside its time and number, as it stands in a series' own stream."""

    t: int
    message: bytes
    n: int


@dataclass(frozen=True, slots=True)
class Output:
    """What an entry became: published under the entry's ID, and kept in its series' own stream under ``kept.t``.

    ``missing`` are earlier messages of the series for that stream, written where it does not hold them.
    """

    series: Series
    kept: Kept
    missing: Sequence[Kept] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """An entry that rightly becomes nothing."""


@dataclass(frozen=True, slots=True)
class Dead:
    """An entry that cannot be processed."""

    reason: str
    detail: str


Result = Output | Pass | Dead


@dataclass(frozen=True)
class StageKeys:
    """Names and bounds of the streams around a stage; the callables take a partition, and a series key."""

    stage: str
    service: str
    promote: int = 0  # promote number of the bundle in use; a smaller one never writes after a larger
    writes_latest: bool = False
    holds_input: bool = True  # its input is kept until it has read it, and trimmed by it; False: others see to it
    input_keep: int = 0  # newest entries that stand in the input log whoever has read them
    output_keep: int = 0  # 0: the output's own holding stage trims it
    side_keep: int = 0  # 0: likewise
    side_keyless: bool = False  # messages end with their series' key, which a side need not repeat
    source_keep: int = 0


class Stage(Protocol[M]):
    """One service's work on its log."""

    keys: StageKeys

    def input_log(self, p: int) -> str:
        """Key of the log it reads."""
        ...

    def output_log(self, p: int) -> str:
        """Key of the log it writes."""
        ...

    def side(self, series: Series) -> str:
        """Key of the stream that keeps a series' outputs under their candle times."""
        ...

    def source(self, series: Series) -> str:
        """Key of the stream that keeps a series' inputs under their candle times."""
        ...

    def decode(self, entry: Entry) -> M:
        """Read an entry; JunkError where it is none of this log's messages."""
        ...

    def process(self, messages: Sequence[M]) -> list[Result]:
        """Work on messages of several partitions, each partition's in order; one result each.

        EntryError inside belongs into a ``Dead`` of that entry. SystemicError stops the stage. Anything else makes
        the consumer drop the caches and go entry by entry to find the one to blame.
        """
        ...

    def forget(self, partitions: Sequence[int] | None = None) -> None:
        """Drop caches of these partitions, or all: another instance may have gone on with them."""
        ...


@dataclass(slots=True)
class Batch(Generic[M]):
    """Entries of one partition on their way through a stage."""

    partition: int
    entries: list[Entry]
    messages: list[M | Dead] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
