"""Every metric name, in one place: a class a kind of process, each attribute one metric of it.

Names are ``natron_<service>_<attribute>``, counters with ``_total``; times are seconds.
"""

from collections import Counter as Counted
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.contracts import Reason
from shared.monitor import Monitor, MonitorDoor, serve_monitor
from shared.readiness import Readiness

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Bounds of times: a candle alone takes a millisecond, a backlog seconds."""
ENTRIES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096)


class Watched:
    """What every process has: a registry of its own, so that tests do not meet, its readiness, and a port.

    Parameters
    ----------
    conditions
        What must hold before it is ready.
    """

    def __init__(self, service: str, *conditions: str) -> None:
        self.registry = CollectorRegistry()
        self.readiness = Readiness(*conditions)
        self._counter = partial(Counter, namespace="natron", subsystem=service, registry=self.registry)
        self._gauge = partial(Gauge, namespace="natron", subsystem=service, registry=self.registry)
        self._histogram = partial(Histogram, namespace="natron", subsystem=service, registry=self.registry)
        self.ready = self._gauge("ready", "1 while /readyz answers 200")
        self.ready.set_function(lambda: float(self.readiness.ready))

    def serve(self, port: int, door: MonitorDoor | None = None) -> Monitor | None:
        """Answer /metrics, /healthz and /readyz, as ``serve_monitor``; without a door on loopback."""
        return serve_monitor(self.registry, self.readiness, port, door)


class Metrics(Watched):
    """What a stage counts."""

    def __init__(self, service: str, *conditions: str) -> None:
        super().__init__(service, "broker", *conditions)
        self.entries = self._counter("entries_total", "entries finished")
        self.dead_letters = self._counter("dead_letters_total", "entries buried, by reason", labelnames=["reason"])
        self.races_lost = self._counter("races_lost_total", "batches that another instance finished first")
        self.backlog_full = self._counter("backlog_full_total", "batches held back by a full output log")
        self.refills = self._counter("refills_total", "series read back from the broker")
        self.passed_over = self._counter("passed_over_total", "rows a shadow passed over for want of 96 in a row")
        self.entries_missed = self._counter(
            "entries_missed_total", "entries that were trimmed before this instance read them"
        )
        self.room = self._gauge(
            "room_entries", "entries that may yet come before a reader that holds nobody back misses some"
        )
        self.room.set(float("inf"))  # until something waits: a rule that asks for little room finds none
        self.cache_hits = self._counter("cache_hits_total", "entries whose series was in memory")
        self.reasons = self._counter(
            "reasons_total", "predictions by reason not to trade on them", labelnames=["reason"]
        )
        self.lag = self._gauge("lag_entries", "entries that wait in the partitions held, as of each one's last batch")
        self.batch = self._histogram("batch_entries", "entries a batch, all partitions", buckets=ENTRIES)
        self.queue = self._histogram(
            "queue_seconds", "from admission to work on a batch's oldest entry", buckets=SECONDS
        )
        self.compute = self._histogram("compute_seconds", "work on a batch", buckets=SECONDS)

    def count_reasons(self, masks: Iterable[int]) -> None:
        """Count predictions by their reasons."""
        for mask, count in Counted(masks).items():
            for word in Reason(mask).words:
                self.reasons.labels(word).inc(count)


class ScorerMetrics(Metrics):
    """What the scorer counts, and what it says of the champion and challengers."""

    def __init__(self) -> None:
        super().__init__("scorer")
        one, head = ["series", "bundle"], ["series", "bundle", "head"]
        self.missed = self._counter("missed_total", "predictions that can have no outcome any more")
        self.candles = self._gauge("candles", "scored candles that the figures are over", labelnames=one)
        self.accuracy = self._gauge("accuracy", "share of the newest candles named right", labelnames=head)
        self.persistence = self._gauge("persistence", "the same of the newest label known", labelnames=head)
        self.log_loss = self._gauge("log_loss_nats", "mean over the newest candles", labelnames=head)
        self.brier = self._gauge("brier", "mean over the newest candles, 0 to 2", labelnames=head)
        self.ece = self._gauge("ece", "expected calibration error, 0 to 1", labelnames=head)
        self.drifting = self._gauge("drifting", "1 while a series' deliveries say DRIFT", labelnames=one)
        family = [*one, "family"]
        self.drift_strength = self._gauge(
            "drift_strength", "a family's distance from the training rows over its limit", labelnames=family
        )
        self.rule_return = self._gauge("rule_return", "what 1 became minus 1, costs included", labelnames=one)


class ArchiveMetrics(Watched):
    """What the archive counts, by kind of row."""

    def __init__(self) -> None:
        super().__init__("archive", "broker")
        kind = ["kind"]
        self.rows = self._counter("rows_total", "rows written", labelnames=kind)
        self.known = self._counter("known_total", "rows that were there before", labelnames=kind)
        self.missed = self._counter("missed_total", "rows that were trimmed before they were read", labelnames=kind)
        self.behind = self._gauge("behind_logs", "logs of which half of what is kept, or more, waited at the last read")


class AlertMetrics(Watched):
    """What the alerts' watch knows."""

    def __init__(self) -> None:
        super().__init__("alerts", "broker")
        self.standing = self._gauge("standing", "alerts that stand")


class FeedMetrics(Watched):
    """What an exchange feed counts."""

    def __init__(self) -> None:
        super().__init__("exchange", "broker", "exchange")
        self.candles = self._counter("candles_total", "candles sent, by verdict", labelnames=["verdict"])
        self.reconnects = self._counter("reconnects_total", "connections lost")
        self.silent = self._gauge("silent_series", "series without a frame for too long while their market trades")


class ReplayMetrics(Watched):
    """What a replay counts."""

    def __init__(self) -> None:
        super().__init__("producer", "broker")
        self.candles = self._counter("candles_total", "candles sent, by verdict", labelnames=["verdict"])


class GatewayMetrics(Watched):
    """What a gateway counts."""

    def __init__(self, *conditions: str) -> None:
        super().__init__("gateway", *conditions)
        self.requests = self._counter("requests_total", "answers, by route and status", labelnames=["route", "status"])
        self.seconds = self._histogram(
            "request_seconds", "from a request's first byte to its answer's last", labelnames=["route"], buckets=SECONDS
        )
        self.predictions = self._counter("predictions_total", "predictions answered")
        self.reasons = self._counter("reasons_total", "of them, by reason not to trade", labelnames=["reason"])
        self.waiting = self._gauge("waiting_questions", "questions that wait for the model")
        self.streams = self._gauge("streams", "clients that listen")
        self.missed = self._counter("missed_total", "events that slow clients lost")


class BridgeMetrics(Watched):
    """What a bridge counts: ``COUNTS``, taken from its own counters when somebody asks."""

    COUNTS: Mapping[str, str] = {
        "sessions": "sessions begun",
        "lines_sent": "live signal lines",
        "signals_live": "live signal lines of candles that were no replay",
        "signals_prompt": "of these those that left within a second of their candle's admission",
        "heartbeats_sent": "heartbeat lines",
        "hellos": "HELLOs answered",
        "hellos_refused": "HELLOs badly signed, malformed, or above a limit",
        "ring_answers": "symbols whose gap was answered line by line",
        "snapshots": "symbols answered by their newest predictions",
        "holes": "times that a log was trimmed, or cut back, past what was read",
        "junk": "entries that are no prediction",
        "repeats": "entries whose candle was not after the newest known one",
        "requests_refused": "other lines badly signed, malformed, not allowed, or above a limit",
        "pushes": "frames of candles taken",
        "pushes_busy": "frames of candles given back because the system is busy",
        "candles_admitted": "candles pushed by clients and admitted",
        "candles_known": "candles pushed that were held before",
        "candles_refused": "candles pushed and refused",
        "acks": "acks taken",
        "handshakes_refused": "clients without credentials, or above the limit",
    }

    def __init__(self) -> None:
        super().__init__("bridge", "broker")
        self.connections = self._gauge("connections", "clients connected to the socket of signals")
        self.client_lag = self._gauge(
            "client_lag_lines", "lines that the client furthest behind lacked when last heard"
        )

    def count_by(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Take the counts from here on from ``counts``."""
        self.registry.register(_Counts("natron_bridge_", self.COUNTS, counts))


class _Counts(Collector):
    """Counters that somebody else keeps."""

    def __init__(self, prefix: str, names: Mapping[str, str], counts: Callable[[], Mapping[str, int]]) -> None:
        self._prefix, self._names, self._counts = prefix, names, counts

    def collect(self) -> Iterator[Metric]:
        values = self._counts()
        for name, documentation in self._names.items():
            yield CounterMetricFamily(self._prefix + name, documentation, value=values[name])
