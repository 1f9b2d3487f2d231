"""Timeframes: the width of a candle, by the name MetaTrader gives it."""

from shared.errors import InputError

_UNITS_S = {"M": 60, "H": 3_600, "D": 86_400, "W": 604_800}
_COUNTS = {"M": (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30), "H": (1, 2, 3, 4, 6, 8, 12), "D": (1,), "W": (1,)}

TIMEFRAMES_S: dict[str, int] = {
    f"{unit}{count}": _UNITS_S[unit] * count for unit, counts in _COUNTS.items() for count in counts
}
"""Name -> seconds. Months are not here: they have no fixed width."""


def timeframe_ms(name: str) -> int:
    """Milliseconds of a timeframe.

    Raises
    ------
    InputError
        The name is none of ``TIMEFRAMES_S``.
    """
    if name not in TIMEFRAMES_S:
        raise InputError("timeframe", name, "is not a known timeframe", f"use one of {', '.join(TIMEFRAMES_S)}")
    return TIMEFRAMES_S[name] * 1_000


def timeframe_name(width_ms: int) -> str | None:
    """Name of a width in milliseconds, or None where no timeframe has it."""
    for name, seconds in TIMEFRAMES_S.items():
        if seconds * 1_000 == width_ms:
            return name
    return None
