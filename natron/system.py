"""A whole system on one machine: an embedded broker and one process per service, as ``up`` and ``demo`` run it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

import redis
import structlog

from natron.supervisor import Child, Program, stop_all
from shared.broker import LOST, connect
from shared.clock import SystemClock
from shared.embedded_broker import EmbeddedBroker
from shared.errors import BrokerError
from shared.membership import live_members
from shared.names import Names
from shared.settings.groups import Settings

READY_TIMEOUT_S = 600.0  # a service that ends is seen at once; a first start compiles for half a minute of a free core
POLL_S = 0.05
DEATHS_AT_START_MAX = 3

_log = structlog.get_logger()


class Broker(Protocol):
    """Servers that live as long as the system."""

    @property
    def url(self) -> str:
        """Where to connect."""
        ...

    @property
    def pids(self) -> dict[str, int]:
        """Process ID of each server."""
        ...

    def poll(self) -> int | None:
        """Exit status of what ended, or None while all runs."""
        ...

    def start(self) -> object:
        """Start what does not run, and wait until it answers."""
        ...

    def stop(self) -> None:
        """Stop everything."""
        ...


@dataclass(frozen=True)
class Shape:
    """How many of what."""

    workers: int
    feature_services: int = 1
    bridges: int = 1
    gateways: int = 0
    scorers: int = 0
    archives: int = 0

    def programs(self) -> list[Program]:
        """The processes, in the order in which they are stopped: what feeds others goes first."""
        return [
            *(Program(f"feature-service-{at + 1}", ("feature-service",)) for at in range(self.feature_services)),
            *(Program(f"worker-{at + 1}", ("worker",)) for at in range(self.workers)),
            *(Program("bridge", ("bridge",)) for _ in range(self.bridges)),
            *(Program("gateway", ("gateway",)) for _ in range(self.gateways)),
            *(Program("score", ("score",)) for _ in range(self.scorers)),
            *(Program("archive", ("archive",)) for _ in range(self.archives)),
        ]

    def members(self) -> dict[str, int]:
        """Service -> instances that must be alive."""
        return {"feature_service": self.feature_services, "worker": self.workers}


class System:
    """Broker and services, started together and stopped together.

    Parameters
    ----------
    data
        Folder for what must outlive the system; None: nothing does.
    output
        File for what the services say; None: where this process says it.
    broker
        Instead of an embedded one.
    """

    def __init__(
        self,
        settings: Settings,
        shape: Shape,
        keys: Path,
        data: Path | None,
        output: IO[bytes] | None = None,
        broker: Broker | None = None,
    ) -> None:
        self._settings, self._shape, self._keys, self._output = settings, shape, keys, output
        self.broker = broker or EmbeddedBroker(data / "broker" if data else None)
        self.children: list[Child] = []

    @property
    def names(self) -> Names:
        """Key names of this system."""
        return Names(self._settings.system.namespace)

    def environ(self) -> dict[str, str]:
        """Environment in which a ``natron`` command finds this system."""
        from natron.environment import environment_of

        system = {"broker_url": self.broker.url}
        group = self._settings.bridge.model_copy(update={"keys": str(self._keys)})
        settings = self._settings.model_copy(
            update={"system": self._settings.system.model_copy(update=system), "bridge": group}
        )
        return {**os.environ, **environment_of(settings), "OMP_NUM_THREADS": "1"}

    def start(self) -> None:
        """Start the broker, then every service; returns without waiting for them."""
        self.broker.start()
        clock, environ = SystemClock(), self.environ()
        self.children = [Child(program, environ, clock, self._output) for program in self._shape.programs()]

    def ready(self, client: redis.Redis) -> bool:
        """Whether every service has joined."""
        try:
            return all(
                len(live_members(client, self.names, name)) >= count for name, count in self._shape.members().items()
            )
        except LOST:
            return False

    def await_ready(self, extra: Callable[[], bool] = lambda: True) -> None:
        """Wait until every service has joined and ``extra`` holds, tending the services meanwhile.

        Raises
        ------
        BrokerError
            Not within ten minutes, or a service that keeps ending.
        """
        client = connect(self.broker.url)
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not (self.ready(client) and extra()):
            if time.monotonic() > deadline:
                raise BrokerError(f"system: not ready within {READY_TIMEOUT_S:.0f} s; its log says why")
            self.tend()
            for child in self.children:
                if child.deaths >= DEATHS_AT_START_MAX:
                    raise BrokerError(f"{child.name}: ended {child.deaths} times while starting; its log says why")
            time.sleep(POLL_S)
        client.close()

    def tend(self) -> bool:
        """Start again what died; True when something was."""
        changed = False
        if self.broker.poll() is not None:
            _log.error("broker_died", status=self.broker.poll())
            self.broker.start()
            changed = True
        return self.tend_services() or changed

    def tend_services(self) -> bool:
        """Start again the services that died; True when one was."""
        restarted = [child.tend() for child in self.children]  # every one, not only up to the first
        return any(restarted)

    def pids(self) -> dict[str, int]:
        """Process ID of each part."""
        return {
            "up": os.getpid(),
            **self.broker.pids,
            **{child.name: child.pid for child in self.children},
        }

    def stop(self) -> None:
        """Drain and stop the services, then the broker."""
        stop_all(self.children)
        self.broker.stop()

    def __enter__(self) -> "System":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
