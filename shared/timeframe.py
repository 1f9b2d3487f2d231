"""Timeframes: the width of a candle, by the name MetaTrader gives it."""

from shared.errors import InputError

_UNITS_S = {"M": 60, "H": 3_600, "D": 86_400, "W": 604_800}
_NAMES = (
    ["M1", "M2", "M3", "M4", "M5", "M6", "M10", "M12", "M15", "M20", "M30"]
    + ["H1", "H2", "H3", "H4", "H6", "H8", "H12", "D1", "W1"]
)

TIMEFRAMES_S: dict[str, int] = {name: _UNITS_S[name[0]] * int(name[1:]) for name in _NAMES}
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
