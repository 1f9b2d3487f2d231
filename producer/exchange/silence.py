"""The silence of one series: time without a frame, counted only while its market trades."""

_LONGEST_S = 3_600.0


class Silence:
    """Alarms after ``limit_s`` of open market without a frame, then after twice as long, up to an hour apart."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = self._due_s = limit_s
        self._silent_s = 0.0
        self.alarmed = False

    def heard(self) -> None:
        """A frame came."""
        self._silent_s, self._due_s, self.alarmed = 0.0, self._limit_s, False

    def pass_time(self, elapsed_s: float, *, market_open: bool) -> bool:
        """Let time pass; True when it is time for an alarm. A closed market starts the count anew."""
        if not market_open:
            self.heard()
            return False
        self._silent_s += elapsed_s
        if self._silent_s < self._due_s:
            return False
        self._silent_s, self.alarmed = 0.0, True
        self._due_s = max(self._limit_s, min(2 * self._due_s, _LONGEST_S))
        return True
