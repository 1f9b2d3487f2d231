"""What a person asks of a chaos run."""

from dataclasses import dataclass
from pathlib import Path

from shared.contracts import WINDOW, Series
from shared.errors import InputError

FAULTS = ("kill", "pause", "broker", "oom", "readonly", "duplicate", "late", "garbage")
"""kill: services killed (-9) and restarted; pause: stopped for seconds; broker: killed, loading, paused; oom: the
broker is full; readonly: it refuses writes; duplicate: candles sent twice, entries copied; late: late, old and altered
candles; garbage: junk on every stream."""

CANDLES_MIN = 8 * WINDOW
"""A replay must be long enough for something to happen during it."""


@dataclass(frozen=True)
class ChaosRequest:
    """What to replay, and what goes wrong meanwhile.

    Attributes
    ----------
    kills
        Services killed; the other faults are as many as fit to it.
    seed
        Of the schedule: what happens to whom, and when.
    cluster
        Disturb a cluster of six nodes rather than one server.
    """

    csv: Path
    series: Series
    tz: str | None
    kills: int
    seed: int
    faults: tuple[str, ...] = FAULTS
    cluster: bool = False

    def __post_init__(self) -> None:
        if self.kills < 0:
            raise InputError("kills", self.kills, "must be 0 or more", "give a larger number")
        unknown = sorted(set(self.faults) - set(FAULTS))
        if unknown or not self.faults:
            raise InputError("faults", ",".join(self.faults), f"must be some of {', '.join(FAULTS)}", "leave it out")
