"""When a market trades, as far as a feed must know it: silence while it is closed is no alarm."""

from typing import Protocol


class Calendar(Protocol):
    """Which candles a series should have."""

    def missing(self, previous_t: int, t: int) -> int:
        """How many candles of the calendar lie between two open times, UTC ms."""
        ...


class AlwaysOpen:
    """24x7: every candle there can be."""

    def __init__(self, width_ms: int) -> None:
        self._width_ms = width_ms

    def missing(self, previous_t: int, t: int) -> int:
        """All that fit between."""
        return max((t - previous_t - 1) // self._width_ms, 0)


def trades(calendar: Calendar, width_ms: int, known_t: int, now_ms: int) -> bool:
    """Whether the calendar has a candle that is under way now; ``known_t`` is any open time on the series' grid."""
    open_t = now_ms - (now_ms - known_t) % width_ms
    return calendar.missing(open_t - width_ms, open_t + width_ms) > 0
