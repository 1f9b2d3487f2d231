"""The broker killed, loading, paused, full or read-only for a while; an outage that nobody felt is an error."""

import os
import signal
import time
from collections.abc import Callable

import redis

from natron.chaos.record import Record
from natron.chaos.refusals import REFUSALS, Refusal
from natron.chaos.schedule import Event
from shared.broker import LOST
from shared.embedded_broker import EmbeddedBroker
from shared.errors import BrokerError

LOAD_DELAY_US = 50
"""Per command of the append-only file while the broker is to be seen loading."""


class BrokerOutages:
    """One outage at a time.

    Attributes
    ----------
    reachable
        Whether the broker answers reads; while it does not, nobody should wait for it.
    """

    def __init__(self, broker: EmbeddedBroker, client: redis.Redis, record: Record) -> None:
        self._broker, self._client, self._record = broker, client, record
        self._step: Callable[[], bool] | None = None  # does what is due; True when the outage is over
        self._postponed: Event | None = None
        self.reachable = True

    @property
    def under_way(self) -> bool:
        """Whether one has begun and is not over."""
        return self._step is not None

    def begin(self, event: Event) -> None:
        """Begin an outage."""
        self._event = event
        until_s = time.monotonic() + event.lasts_s
        if event.kind in REFUSALS:
            refusal = Refusal(event.kind, self._client, until_s)
            self._step = lambda: refusal.step(time.monotonic(), self._record)
        elif event.kind == "broker-pause":
            os.kill(self._broker.pid, signal.SIGSTOP)
            self.reachable = False
            self._step = lambda: self._resume(until_s)
        else:
            os.kill(self._broker.pid, signal.SIGKILL)
            self.reachable = False
            self._step = self._start if event.kind == "broker-kill" else self._load
            self._until_s = until_s
            if event.kind == "broker-load":
                self._loading, self._launched = 0, False

    def tend(self) -> None:
        """Go on with the outage; end it when it is time."""
        if self._step is not None and self._step():
            self._step = None
            self.reachable = True

    def _resume(self, until_s: float) -> bool:
        if time.monotonic() < until_s:
            return False
        os.kill(self._broker.pid, signal.SIGCONT)
        self._record.broker["pause"] += 1
        return True

    def _start(self) -> bool:
        if self._broker.poll() is None or time.monotonic() < self._until_s:
            return False
        self._broker.start()
        self._record.broker["kill"] += 1
        return True

    def _load(self) -> bool:
        """Start slowly, and be seen loading, before it gets on with it."""
        if not self._launched:
            if self._broker.poll() is not None:
                self._broker.launch("--key-load-delay", str(LOAD_DELAY_US))
                self._launched = True
            return False
        if self._broker.poll() is not None:
            raise BrokerError(f"chaos: the broker ended with status {self._broker.poll()} while loading")
        try:
            self._client.ping()
        except redis.exceptions.BusyLoadingError:
            self._loading += 1
            if time.monotonic() > self._until_s:
                self._client.config_set("key-load-delay", 0)
            return False
        except LOST:
            return False  # its socket is not there yet
        self._client.config_set("key-load-delay", 0)
        if self._loading:
            self._record.broker["load"] += 1
            self._record.refused["LOADING"] += self._loading
        else:  # it had too little to load to be seen at it
            self._record.broker["kill"] += 1
            self._postponed = self._event
        return True

    def take_postponed(self) -> Event | None:
        """An outage that did not come to be one, and is to be tried again when there is more in the broker."""
        postponed, self._postponed = self._postponed, None
        return postponed
