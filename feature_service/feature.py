"""What is known of one feature besides its arithmetic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """A catalogue entry. The value is always finite and within ``low`` and ``high``."""

    name: str
    family: str
    formula: str
    inputs: tuple[str, ...]  # of open, high, low, close, volume, time
    unit: str
    low: float
    high: float
    lookback: int  # candles that the value is a function of, its own included
    source: str
