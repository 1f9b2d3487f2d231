"""Whether a process can do its work, and if not, why: what ``/readyz`` answers."""

import threading


class Readiness:
    """Conditions that must hold; each is unmet, with a reason, until it is said to be met. Safe between threads.

    Parameters
    ----------
    conditions
        Their names: ``broker``, ``bundle``, ``warm_up`` ...
    """

    def __init__(self, *conditions: str) -> None:
        self._lock = threading.Lock()
        self._unmet = dict.fromkeys(conditions, "not yet")

    @property
    def ready(self) -> bool:
        """Whether every condition holds."""
        return not self._unmet

    @property
    def reasons(self) -> dict[str, str]:
        """Unmet condition -> why."""
        with self._lock:
            return dict(self._unmet)

    def met(self, condition: str) -> None:
        """It holds."""
        if condition in self._unmet:  # nearly always not: this is asked every turn
            with self._lock:
                self._unmet.pop(condition, None)

    def unmet(self, condition: str, why: str) -> None:
        """It does not hold, because of ``why``."""
        with self._lock:
            self._unmet[condition] = why
