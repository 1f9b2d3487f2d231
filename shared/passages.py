"""Passages: which instance finished which batch, and when. A bounded note a batch; nothing but a trace reads it.

The gate writes one inside its script, so a stage's note stands exactly where its outputs do; a bridge, which passes no
gate, sends one after it has sent its lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from shared.broker import fields_of
from shared.names import Names

PASSAGES_KEEP = 512
"""Newest notes kept a partition: of about a hundred bytes each."""


@dataclass(frozen=True, slots=True)
class PassageNote:
    """A batch that was finished: the entries after ``after`` up to ``last``. ``at_us`` is UTC epoch microseconds."""

    stage: str
    instance: str
    after: str
    last: str
    entries: int
    at_us: int

    def command(self, names: Names, p: int) -> tuple[Any, ...]:
        """The command that notes it."""
        return (
            "XADD", names.passages(p), "MAXLEN", "~", PASSAGES_KEEP, "*", "s", self.stage, "i", self.instance,
            "a", self.after, "l", self.last, "k", self.entries, "u", self.at_us,
        )  # fmt: skip


def passage_notes(client: redis.Redis, names: Names, p: int) -> Sequence[PassageNote]:
    """All notes kept of a partition, oldest first; what is none is passed over."""
    notes = []
    for entry in client.execute_command("XRANGE", names.passages(p), "-", "+"):
        fields = {
            name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields_of(entry).items()
        }
        try:
            notes.append(
                PassageNote(fields["s"], fields["i"], fields["a"], fields["l"], int(fields["k"]), int(fields["u"]))
            )
        except (KeyError, ValueError):
            continue  # somebody wrote there by hand
    return notes
