"""How many candles fit between two that follow each other."""

_HOUR_MS = 3_600_000


def whole_candles_between(previous_t: int, t: int, width_ms: int) -> int:
    """Candles of ``width_ms`` that fit between two open times, UTC ms.

    Where a source's clock is put forward or back, candles wider than two hours may follow an hour early or late.
    """
    slack_ms = _HOUR_MS if width_ms > 2 * _HOUR_MS else 0
    return max(0, (t - previous_t - width_ms + slack_ms) // width_ms)
