"""Every metric name, in one place."""

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server


class Metrics:
    """What a stage counts. Each instance has a registry of its own, so that tests do not meet."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        label = {"namespace": "natron", "subsystem": service, "registry": self.registry}
        self.entries = Counter("entries_total", "entries finished", **label)
        self.dead_letters = Counter("dead_letters_total", "entries buried, by reason", ["reason"], **label)
        self.races_lost = Counter("races_lost_total", "batches that another instance finished first", **label)
        self.backlog_full = Counter("backlog_full_total", "batches held back by a full output log", **label)
        self.refills = Counter("refills_total", "series read back from the broker", **label)
        self.ready = Gauge("ready", "1 while the stage can work", **label)

    def serve(self, port: int) -> None:
        """Answer /metrics on a loopback port; 0 serves nothing."""
        if port:
            start_http_server(port, addr="127.0.0.1", registry=self.registry)
