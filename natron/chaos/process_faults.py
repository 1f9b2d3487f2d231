"""Services killed, restarted and paused; who is hit is looked up when it happens."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import redis

from natron.chaos.record import Record
from natron.chaos.schedule import Event
from shared.broker import LOST
from shared.contracts import PARTITIONS, Series
from shared.membership import TIME_TO_LIVE_MS, live_members, share_out
from shared.names import Names


class Victim(Protocol):
    """A process that somebody starts again."""

    @property
    def pid(self) -> int:
        """Process ID of the newest incarnation."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs (or stands, paused)."""
        ...


@dataclass(frozen=True)
class _Pause:
    """A process that stands still until it is let go on."""

    victim: Victim
    name: str
    pid: int
    began_s: float
    until_s: float


class ProcessFaults:
    """Signals to services.

    Parameters
    ----------
    victims
        Name -> process; ``producer``, ``worker-1`` ...
    """

    def __init__(
        self, victims: Mapping[str, Victim], client: redis.Redis, names: Names, series: Series, record: Record
    ) -> None:
        self._victims, self._client, self._names, self._series = victims, client, names, series
        self._record = record
        self._pauses: list[_Pause] = []

    @property
    def paused(self) -> bool:
        """Whether somebody stands still."""
        return bool(self._pauses)

    def apply(self, event: Event, *, broker_reachable: bool) -> bool:
        """Do it; False where its victim is not there to be hit at the moment: try again."""
        name = self._name_of(event.victim, broker_reachable=broker_reachable)
        victim = self._victims[name]
        if not victim.alive or any(pause.pid == victim.pid for pause in self._pauses):
            return False
        if event.kind == "pause":
            now_s = time.monotonic()
            os.kill(victim.pid, signal.SIGSTOP)
            self._pauses.append(_Pause(victim, name, victim.pid, now_s, now_s + event.lasts_s))
        elif event.kind == "kill":
            os.kill(victim.pid, signal.SIGKILL)
            self._record.kills[name] += 1
        else:
            os.kill(victim.pid, signal.SIGTERM)
            self._record.restarts[name] += 1
        return True

    def tend(self, *, wake_all: bool = False) -> None:
        """Let go on whose time has come."""
        now_s = time.monotonic()
        for pause in [pause for pause in self._pauses if wake_all or now_s >= pause.until_s]:
            self._pauses.remove(pause)
            if pause.victim.alive and pause.victim.pid == pause.pid:
                os.kill(pause.pid, signal.SIGCONT)
            self._record.pauses[pause.name] += 1
            self._record.pauses_past_expiry += now_s - pause.began_s > TIME_TO_LIVE_MS / 1_000

    def _name_of(self, victim: str, *, broker_reachable: bool) -> str:
        """Name of the process meant; of a service, the one that the series' partition belongs to now."""
        role, _, service = victim.partition(":")
        if role != "holder":
            return victim
        prefix = service.replace("_", "-")
        candidates = {name: one for name, one in self._victims.items() if name.startswith(prefix)}
        holder = self._holder(service) if broker_reachable else None
        if holder is not None:
            pid = int(holder.rsplit("-", 2)[1])
            for name, one in candidates.items():
                if one.pid == pid:
                    return name
        return next((name for name, one in candidates.items() if one.alive), next(iter(candidates)))

    def _holder(self, service: str) -> str | None:
        try:
            shares = share_out(live_members(self._client, self._names, service), PARTITIONS)
        except LOST:
            return None
        return next((member for member, held in shares.items() if self._series.partition in held), None)
