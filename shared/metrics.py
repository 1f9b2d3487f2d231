"""Every metric name, in one place."""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server


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
        """Answer /metrics on a loopback port; 0 serves nothing."""
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
        """Answer /metrics on a loopback port; 0 serves nothing."""
        serve_registry(self.registry, port)


def serve_registry(registry: CollectorRegistry, port: int) -> None:
    """Answer /metrics on a loopback port; 0 serves nothing."""
    if port:
        start_http_server(port, addr="127.0.0.1", registry=registry)
