"""What was done to a run, as it is done: a fault counts once it has happened, not when it was planned."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Record:
    """Counts of what was injected."""

    kills: Counter[str] = field(default_factory=Counter)  # by service
    restarts: Counter[str] = field(default_factory=Counter)  # by service, SIGTERM
    pauses: Counter[str] = field(default_factory=Counter)  # by service
    pauses_past_expiry: int = 0  # longer than a membership lasts
    broker: Counter[str] = field(default_factory=Counter)  # by kind of outage
    refused: Counter[str] = field(default_factory=Counter)  # commands of services that the broker refused, by error
    candles: Counter[str] = field(default_factory=Counter)  # candles sent beside the producer's, by verdict
    entries: Counter[str] = field(default_factory=Counter)  # entries added by hand, by stream
    buriable: set[tuple[str, str]] = field(default_factory=set)  # (log, ID) of those that a stage must bury

    def document(self) -> dict[str, object]:
        """JSON-able form."""
        return {
            "kills": dict(self.kills),
            "restarts": dict(self.restarts),
            "pauses": dict(self.pauses),
            "pauses_past_expiry": self.pauses_past_expiry,
            "broker": dict(self.broker),
            "refused": dict(self.refused),
            "candles": dict(self.candles),
            "entries": dict(self.entries),
        }
