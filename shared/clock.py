"""Time comes in through the constructor: the system's, or one that a test or a simulation turns."""

import time
from typing import Protocol


class Clock(Protocol):
    """What a process knows of time."""

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        ...

    def now_us(self) -> int:
        """UTC epoch microseconds."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards; only differences mean something."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def now_us(self) -> int:
        """UTC epoch microseconds."""
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        time.sleep(seconds)


class SimulatedClock:
    """A clock that moves only when told to, or by being slept on."""

    def __init__(self, start_ms: int) -> None:
        self._us = start_ms * 1_000

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        return self._us // 1_000

    def now_us(self) -> int:
        """UTC epoch microseconds."""
        return self._us

    def monotonic_s(self) -> float:
        """Simulated seconds."""
        return self._us / 1_000_000

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self._us += round(seconds * 1_000_000)
