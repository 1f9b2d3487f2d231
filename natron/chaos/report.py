"""What a chaos run found."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from natron.chaos.record import Record
from natron.chaos.request import ChaosRequest
from natron.run_comparison import RunComparison


@dataclass(frozen=True)
class ChaosReport:
    """The four counts, beside what was injected and what became of it.

    ``expected`` and ``received`` count predictions; ``unburied`` are entries that were added by hand to a log which a
    stage reads, and that are no dead letter: something was lost in silence.
    """

    request: ChaosRequest
    candles: int
    expected: int
    received: int
    comparison: RunComparison
    record: Record
    dead_letters: Counter[str]
    unburied: int
    replay_s: float
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether the run equals the undisturbed one, and all junk was buried."""
        return self.comparison.equal and not self.unburied

    def document(self) -> dict[str, Any]:
        """JSON-able form."""
        found = self.comparison
        return {
            "lost": found.lost,
            "duplicated": found.duplicated,
            "different": found.different,
            "out_of_order": found.out_of_order,
            "unburied": self.unburied,
            "first_difference": found.first_difference,
            "candles": self.candles,
            "expected": self.expected,
            "received": self.received,
            "series": self.request.series.key,
            "seed": self.request.seed,
            "faults": list(self.request.faults),
            "injected": self.record.document(),
            "dead_letters": dict(self.dead_letters),
            "replay_s": round(self.replay_s, 1),
            "seconds": round(self.seconds, 1),
        }
