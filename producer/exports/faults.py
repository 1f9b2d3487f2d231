"""Why rows are refused, and the tally of them."""

import enum
from dataclasses import dataclass, field
from typing import Any

SHOWN = 10
"""Refused rows told in full, a reason."""


class Fault(enum.IntEnum):
    """Why a row is no candle; ``reason`` is the word in reports."""

    NONE = 0
    FIELDS = 1
    SYMBOL = 2
    TIME = 3
    TEXT = 4
    NOT_FINITE = 5
    NOT_POSITIVE = 6
    HIGH = 7
    LOW = 8
    VOLUME = 9
    GRID = 10
    AMBIGUOUS = 11
    NONEXISTENT = 12

    @property
    def reason(self) -> str:
        """Word in reports, such as ``not_finite``."""
        return self.name.lower()

    @property
    def rule(self) -> str:
        """The rule that was broken."""
        return _RULES[self]


_RULES = {
    Fault.NONE: "",
    Fault.FIELDS: "must have as many fields as the other rows",
    Fault.SYMBOL: "must be the symbol of the first row: one file, one symbol",
    Fault.TIME: "must be a time in the form of the other rows, from 1970 on",
    Fault.TEXT: "must be a number",
    Fault.NOT_FINITE: "must be finite",
    Fault.NOT_POSITIVE: "must be greater than 0",
    Fault.HIGH: "must not be below open, low or close",
    Fault.LOW: "must not be above open or close",
    Fault.VOLUME: "must not be negative",
    Fault.GRID: "must lie on the timeframe's grid",
    Fault.AMBIGUOUS: "is shown twice by the local clock, and the order of the rows does not tell which is meant",
    Fault.NONEXISTENT: "is never shown by the local clock, which is put forward over it",
}


@dataclass(frozen=True)
class Refusal:
    """One row that is no candle."""

    line: int
    fault: Fault
    field: str
    value: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field} = {self.value!r}: {self.fault.rule}"


@dataclass
class _Reason:
    count: int = 0
    refusals: list[Refusal] = field(default_factory=list)


class Tally:
    """Refused rows by reason: all of them counted, the first ``SHOWN`` of each reason kept in full."""

    def __init__(self) -> None:
        self._reasons: dict[Fault, _Reason] = {}

    @property
    def total(self) -> int:
        """Rows refused."""
        return sum(reason.count for reason in self._reasons.values())

    @property
    def refusals(self) -> list[Refusal]:
        """The kept ones, by line."""
        kept = [refusal for reason in self._reasons.values() for refusal in reason.refusals]
        return sorted(kept, key=lambda refusal: refusal.line)

    def wants(self, fault: Fault) -> int:
        """How many more rows of this fault are kept in full."""
        return SHOWN - len(self._reasons.get(fault, _Reason()).refusals)

    def add(self, fault: Fault, count: int, refusals: list[Refusal]) -> None:
        """Count ``count`` rows, of which ``refusals`` are kept."""
        reason = self._reasons.setdefault(fault, _Reason())
        reason.count += count
        reason.refusals.extend(refusals[: SHOWN - len(reason.refusals)])

    def document(self) -> dict[str, Any]:
        """JSON-able: reason -> count, first lines, and those rows' field, value and rule."""
        return {
            fault.reason: {
                "count": reason.count,
                "lines": [refusal.line for refusal in reason.refusals],
                "rule": fault.rule,
                "examples": [
                    {"line": refusal.line, "field": refusal.field, "value": refusal.value}
                    for refusal in reason.refusals
                ],
            }
            for fault, reason in sorted(self._reasons.items())
        }
