"""What a client tells its caller."""

import enum
from dataclasses import dataclass
from typing import Any

from bridge.latency import latency_us
from bridge.lines import SignalLine
from shared.prediction_document import prediction_document


class Origin(enum.Enum):
    """How a signal came."""

    LIVE = "live"
    RESENT = "resent"  # from the bridge's ring, in its place in the order
    SNAPSHOT = "snapshot"  # the newest of its series, whatever its age; perhaps one that was seen before


class Cause(enum.Enum):
    """Why a client had to ask where things stand."""

    START = "start"
    SESSION = "session"  # another bridge, or one that began anew
    GAP = "gap"  # a line is missing before this one
    HEARTBEAT = "heartbeat"  # the bridge has sent more than came


@dataclass(frozen=True, slots=True)
class Signal:
    """A prediction that arrived, at ``received_us`` of this side's clock."""

    line: SignalLine
    origin: Origin
    received_us: int

    @property
    def document(self) -> dict[str, Any]:
        """JSON-able form, with the latency up to this client."""
        return prediction_document(self.line.prediction, latency_us=latency_us(self.line, self.received_us))


@dataclass(frozen=True, slots=True)
class Resynchronised:
    """The client is where the bridge is: for one symbol, or for all of its own where ``symbol`` is None."""

    symbol: str | None
    session: str
    cause: Cause


Event = Signal | Resynchronised
