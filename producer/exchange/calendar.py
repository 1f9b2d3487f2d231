"""When a market trades, as far as a feed must know it: silence while it is closed is no alarm."""

from shared.calendar import Calendar


def trades(calendar: Calendar, width_ms: int, known_t: int, now_ms: int) -> bool:
    """Whether the calendar has a candle that is under way now; ``known_t`` is any open time on the series' grid."""
    open_t = now_ms - (now_ms - known_t) % width_ms
    return calendar.missing(open_t - width_ms, open_t + width_ms) > 0
