"""What became of the rows of a replay."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ReplayReport:
    """What became of the rows: read = all the other counts together.

    ``known`` were passed over unchecked (not after the newest in the broker when connecting); ``outside`` are not
    between from and to; ``open`` has no successor in the file yet; ``refused`` are no candles, told in ``refusals``;
    ``notes`` are sentences on how the file is read, those of ``inspect``.
    """

    read: int
    known: int
    admitted: int
    duplicate: int
    old: int
    late: int
    revision: int
    future: int
    foreign_source: int
    refused: int
    outside: int
    open: int
    refusals: dict[str, Any]
    tz: str
    tz_source: str
    notes: list[str]

    def document(self) -> dict[str, Any]:
        """JSON-able; ``refused`` becomes its count and reasons."""
        counts = {name: value for name, value in vars(self).items() if name != "refusals"}
        return counts | {"refused": {"count": self.refused, "reasons": self.refusals}}
