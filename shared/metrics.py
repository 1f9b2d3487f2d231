"""Every metric name, in one place."""

from functools import partial

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from shared.errors import InputError

PORTS_TRIED = 64

_log = structlog.get_logger()


class Metrics:
    """What a stage counts. Each instance has a registry of its own, so that tests do not meet."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, namespace="natron", subsystem=service, registry=self.registry)
        self.entries = counter("entries_total", "entries finished")
        self.dead_letters = counter("dead_letters_total", "entries buried, by reason", labelnames=["reason"])
        self.races_lost = counter("races_lost_total", "batches that another instance finished first")
        self.backlog_full = counter("backlog_full_total", "batches held back by a full output log")
        self.refills = counter("refills_total", "series read back from the broker")
        self.ready = Gauge(
            "ready", "1 while the stage can work", namespace="natron", subsystem=service, registry=self.registry
        )

    def serve(self, port: int) -> None:
        """Answer /metrics, as ``serve_registry``."""
        serve_registry(self.registry, port)


class FeedMetrics:
    """What an exchange feed counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, namespace="natron", subsystem="exchange", registry=self.registry)
        gauge = partial(Gauge, namespace="natron", subsystem="exchange", registry=self.registry)
        self.candles = counter("candles_total", "candles sent, by verdict", labelnames=["verdict"])
        self.reconnects = counter("reconnects_total", "connections lost")
        self.silent = gauge("silent_series", "series without a frame for too long while their market trades")

    def serve(self, port: int) -> None:
        """Answer /metrics, as ``serve_registry``."""
        serve_registry(self.registry, port)


def serve_registry(registry: CollectorRegistry, port: int) -> None:
    """Answer /metrics on a loopback port, or the next free one: instances share a setting. 0 serves nothing.

    Raises
    ------
    InputError
        None of ``PORTS_TRIED`` ports is free.
    """
    if not port:
        return
    for candidate in range(port, port + PORTS_TRIED):
        try:
            start_http_server(candidate, addr="127.0.0.1", registry=registry)
        except OSError:
            continue
        _log.info("metrics_served", port=candidate)
        return
    rule = f"none of the {PORTS_TRIED} ports from it on is free"
    raise InputError("metrics_port", port, rule, "choose another one, or 0 for none")
