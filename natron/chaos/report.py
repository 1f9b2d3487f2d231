"""What a chaos run found."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from natron.chaos.record import Record
from natron.chaos.request import ChaosRequest
from natron.run_comparison import RunComparison


@dataclass(frozen=True)
class Burials:
    """Dead letters by reason, and the two ways in which they may be wrong.

    ``unburied`` are entries that were added by hand to a log which a stage reads, and that are no dead letter: lost in
    silence. ``innocent`` are dead letters of entries of those logs that nobody added by hand: work done twice, or lost.
    """

    reasons: Counter[str]
    unburied: int
    innocent: int


@dataclass(frozen=True)
class ChaosReport:
    """The four counts beside what was injected and what became of it; ``expected``, ``received`` count predictions."""

    request: ChaosRequest
    candles: int
    expected: int
    received: int
    comparison: RunComparison
    record: Record
    burials: Burials
    forgotten: int  # predictions that a killed broker had lost of its tail, and that came again
    replay_s: float
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether the run equals the undisturbed one, and all junk, and nothing else, was buried."""
        return self.comparison.equal and not self.burials.unburied and not self.burials.innocent

    def document(self) -> dict[str, Any]:
        """JSON-able form."""
        found = self.comparison
        return {
            "lost": found.lost,
            "duplicated": found.duplicated,
            "different": found.different,
            "out_of_order": found.out_of_order,
            "unburied": self.burials.unburied,
            "innocent": self.burials.innocent,
            "first_difference": found.first_difference,
            "candles": self.candles,
            "expected": self.expected,
            "received": self.received,
            "forgotten": self.forgotten,
            "series": self.request.series.key,
            "seed": self.request.seed,
            "cluster": self.request.cluster,
            "faults": list(self.request.faults),
            "injected": self.record.document(),
            "dead_letters": dict(self.burials.reasons),
            "replay_s": round(self.replay_s, 1),
            "seconds": round(self.seconds, 1),
        }
