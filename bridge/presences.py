"""Who speaks to a bridge, when it was last heard, and how far behind it was then."""

import json
from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Any

import redis

from shared.membership import live_members
from shared.names import Names

SERVICE = "bridge"
PRESENCES_MAX = 1_024
FRESH_MS = 60_000
"""A lag that was told longer ago says nothing of now."""


@dataclass(slots=True)
class Presence:
    """One client on one symbol (None: all), as it last told."""

    client: str
    symbol: str | None
    last_seen_ms: int
    lag_lines: int | None = None  # that it lacked when it last said where it is
    lag_told_ms: int = 0
    pushes: int = 0  # frames of candles that it sent
    acks: int = 0

    def tell_lag(self, lag_lines: int | None) -> None:
        """Note how far behind it says to be in the line that has just been seen."""
        self.lag_lines, self.lag_told_ms = lag_lines, self.last_seen_ms


class Presences:
    """Those heard last; beyond ``PRESENCES_MAX`` the one silent longest is forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str | None], Presence] = OrderedDict()

    def seen(self, client: str, symbol: str | None, now_ms: int) -> Presence:
        """Note that a line of this client's came, and return what is known of it, to be filled in."""
        key = (client, symbol)
        presence = self._known.setdefault(key, Presence(client, symbol, now_ms))
        presence.last_seen_ms = now_ms
        self._known.move_to_end(key)
        if len(self._known) > PRESENCES_MAX:
            self._known.popitem(last=False)
        return presence

    def lag_lines(self, now_ms: int) -> int:
        """Largest lag told within ``FRESH_MS``."""
        fresh = (one.lag_lines or 0 for one in self._known.values() if now_ms - one.lag_told_ms <= FRESH_MS)
        return max(fresh, default=0)

    def document(self) -> list[dict[str, Any]]:
        """JSON-able form, heard last first."""
        return [asdict(presence) for presence in reversed(self._known.values())]


def read_bridges(client: redis.Redis, names: Names) -> dict[str, dict[str, Any]]:
    """What each live bridge says of itself: its ``connections``, and its ``clients`` as ``Presences.document``."""
    found: dict[str, dict[str, Any]] = {}
    for instance in live_members(client, names, SERVICE):
        text = client.get(names.bridge_clients(instance))
        if text:
            found[instance] = json.loads(text)
    return found
