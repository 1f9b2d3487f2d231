"""The schedule at work: whatever is due happens, as soon as it can."""

import time
from collections import deque
from dataclasses import replace
from typing import Protocol

from natron.chaos.injections import Injections
from natron.chaos.process_faults import ProcessFaults
from natron.chaos.schedule import BROKER_KINDS, Event, Schedule
from shared.broker import LOST
from shared.errors import BrokerError, BusyError

IMPOSSIBLE_S = 60.0
"""An event that could not happen for so long is an error: nothing is skipped in silence."""
POSTPONED_S, POSTPONED_MAX = 3.0, 10


class Outages(Protocol):
    """What goes wrong with the broker, one thing at a time."""

    @property
    def reachable(self) -> bool:
        """Whether the broker answers reads; while it does not, nobody should wait for it."""
        ...

    @property
    def under_way(self) -> bool:
        """Whether an outage has begun and is not over."""
        ...

    def begin(self, event: Event) -> None:
        """Begin an outage."""
        ...

    def tend(self) -> None:
        """Go on with the outage; end it when it is time."""
        ...

    def take_postponed(self) -> Event | None:
        """An outage that did not come to be one, and is to be tried again later."""
        ...


class Disturbance:
    """Applies events in the order of their times, each as soon as what it needs is there.

    Parameters
    ----------
    schedule
        Times count from the first ``tend``.
    """

    def __init__(self, schedule: Schedule, processes: ProcessFaults, outages: Outages, injections: Injections) -> None:
        self._coming = deque(schedule.events)
        self._due: list[Event] = []
        self._processes, self._outages, self._injections = processes, outages, injections
        self._began_s: float | None = None
        self._postponed = 0

    @property
    def over(self) -> bool:
        """Whether everything has happened and nothing is still going on."""
        return not (self._coming or self._due or self._outages.under_way or self._processes.paused)

    @property
    def reachable(self) -> bool:
        """Whether the broker answers reads."""
        return self._outages.reachable

    def tend(self) -> None:
        """Do what is due, and end what has lasted long enough.

        Raises
        ------
        BrokerError
            Something could not be done.
        """
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s
        self._outages.tend()
        if (postponed := self._outages.take_postponed()) is not None:
            self._postpone(postponed, now_s - self._began_s)
        self._processes.tend()
        while self._coming and now_s >= self._began_s + self._coming[0].at_s:
            self._due.append(self._coming.popleft())
        self._due = [event for event in self._due if not self._apply(event)]
        for event in self._due:
            if now_s > self._began_s + event.at_s + IMPOSSIBLE_S:
                raise BrokerError(f"chaos: {event.kind} {event.victim}: could not be done for {IMPOSSIBLE_S:.0f} s")

    def _postpone(self, event: Event, now_s: float) -> None:
        """Try it again later, but not for ever."""
        self._postponed += 1
        if self._postponed > POSTPONED_MAX:
            raise BrokerError(f"chaos: {event.kind}: did not come to be for want of data; take a longer file")
        self._coming.append(replace(event, at_s=now_s + POSTPONED_S))
        self._coming = deque(sorted(self._coming, key=lambda one: one.at_s))

    def _apply(self, event: Event) -> bool:
        """Whether it has happened."""
        if event.kind in ("kill", "restart", "pause"):
            return self._processes.apply(event, broker_reachable=self._outages.reachable)
        if self._outages.under_way:
            return False
        if event.kind in BROKER_KINDS:
            self._outages.begin(event)
            return True
        try:
            return self._injections.apply(event.kind)
        except (BusyError, *LOST):
            return False
