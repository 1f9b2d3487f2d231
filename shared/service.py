"""What every service does when it starts: log, broker, a name of its own, and how it is told to stop."""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import redis
import structlog

from shared.broker import LOST, check_fitness, connect
from shared.clock import Clock, SystemClock
from shared.log import configure_log, listen_for_levels
from shared.names import Names
from shared.settings.groups import Settings

RETRY_S = 0.2

_log = structlog.get_logger()


@dataclass(frozen=True)
class ServiceContext:
    """The world as a service sees it; tests bring their own."""

    client: redis.Redis
    names: Names
    clock: Clock = field(default_factory=SystemClock)
    stop: threading.Event = field(default_factory=threading.Event)
    instance: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}")


def open_service(name: str, settings: Settings, on_log: Callable[[], object] = lambda: None) -> ServiceContext:
    """Set the process up as one instance of a service, waiting for a broker that is not there yet.

    Parameters
    ----------
    on_log
        Called as soon as there is a log, before the broker is waited for: who watches wants to know meanwhile.

    Raises
    ------
    BrokerError, SchemaError
        The broker is there, and unfit.
    """
    configure_log(name, settings.system.log_level)
    on_log()
    context = ServiceContext(connect(settings.system.broker_url), Names(settings.system.namespace))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: context.stop.set())
    listen_for_levels(settings.system.log_level)
    while not context.stop.is_set():
        try:
            check_fitness(context.client, context.names)
            break
        except LOST as error:
            _log.warning("broker_awaited", error=str(error), retry_s=RETRY_S)
            context.stop.wait(RETRY_S)
    return context
