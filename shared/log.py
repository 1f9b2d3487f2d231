"""structlog, set up once a process: one JSON line an event on stderr, or readable lines at a terminal."""

import logging
import signal
import sys
import threading
from dataclasses import dataclass
from typing import Any

import structlog

from shared.clock import Clock, SystemClock

REPEAT_S = 1.0
"""An event is written at most once in so long."""
EVENTS_MAX = 1_024
"""Kinds of events remembered; event names are few, unless somebody makes them of data."""


@dataclass
class _Seen:
    """When an event was last written, and how many of it were not since then."""

    written_s: float
    dropped: int = 0


class RepeatLimit:
    """Processor: one event of a kind (name and level) a second; the next one tells how many were left out before it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._lock = threading.Lock()

    def __call__(self, _: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """Let an event pass, or drop it."""
        kind = (method, str(event.get("event")))
        now_s = self._clock.monotonic_s()
        with self._lock:
            seen = self._seen.get(kind)
            if seen is None:
                if len(self._seen) >= EVENTS_MAX:
                    self._seen.clear()
                self._seen[kind] = _Seen(now_s)
                return event
            if now_s - seen.written_s < REPEAT_S:
                seen.dropped += 1
                raise structlog.DropEvent
            if seen.dropped:
                event["left_out"] = seen.dropped
            self._seen[kind] = _Seen(now_s)
        return event


def configure_log(service: str, level: str = "INFO", clock: Clock | None = None) -> None:
    """Send events of ``level`` and above to stderr, each with the name of its service.

    Parameters
    ----------
    clock
        By which repeated events are counted together; default: the system's.
    """
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )

    def name_service(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service  # here, as context variables stay behind when a thread is started
        return event

    structlog.configure(
        wrapper_class=_level(level),
        processors=[
            RepeatLimit(clock or SystemClock()),
            name_service,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def listen_for_levels(level: str) -> None:
    """Let SIGUSR1 lower this process's level to DEBUG, and SIGUSR2 bring ``level`` back. In the main thread only."""
    for number, chosen in ((signal.SIGUSR1, "DEBUG"), (signal.SIGUSR2, level)):
        signal.signal(number, lambda *_, chosen=chosen: structlog.configure(wrapper_class=_level(chosen)))


def _level(name: str) -> type[structlog.typing.FilteringBoundLogger]:
    return structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[name])
