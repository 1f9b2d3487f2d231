"""When a market trades, as far as a feed must know it: silence while it is closed is no alarm."""

from typing import Protocol


class Calendar(Protocol):
    """Trading hours of one series."""

    def is_open(self, t_ms: int) -> bool:
        """Whether the market trades at this moment, UTC epoch ms."""
        ...


class AlwaysOpen:
    """24x7."""

    def is_open(self, t_ms: int) -> bool:  # noqa: ARG002 - the same at all times
        """Yes."""
        return True
