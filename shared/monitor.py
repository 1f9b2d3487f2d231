"""What a process tells those who watch it, over HTTP: /metrics, /healthz, /readyz. Loopback, unless there is a key."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from shared.clock import Clock, SystemClock
from shared.doors import KeyRing, check_door, read_keys
from shared.errors import InputError
from shared.readiness import Readiness
from shared.settings.groups import SystemSettings

PORTS_TRIED = 64
REQUEST_TIMEOUT_S = 5.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class MonitorDoor:
    """Where monitors listen, and for whom: without the key a probe learns yes or no, and nothing else."""

    host: str = "127.0.0.1"
    keys: KeyRing = field(default_factory=KeyRing)
    clock: Clock = field(default_factory=SystemClock)

    @classmethod
    def of(cls, system: SystemSettings) -> "MonitorDoor":
        """Take it from the settings.

        Raises
        ------
        InputError
            An address beyond this machine without a key, or a key file that cannot be used.
        """
        keys = read_keys("system.monitor_key_file", system.monitor_key_file)
        check_door("system.monitor_host", system.monitor_host, keys, "system.monitor_key_file")
        return cls(system.monitor_host, keys)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET; subclasses know what they speak of."""

    registry: ClassVar[CollectorRegistry]
    readiness: ClassVar[Readiness]
    door: ClassVar[MonitorDoor]
    timeout = REQUEST_TIMEOUT_S  # of a client that opens a connection and says nothing

    def do_GET(self) -> None:
        """Answer one of the three; 404 for anything else."""
        path = self.path.partition("?")[0]
        known = self._is_known()
        if path == "/metrics" and not known:
            self._answer_json(401, {"error": "needs the key of system.monitor_key_file, as Authorization: Bearer"})
        elif path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
        elif path == "/healthz":  # that it answers is the answer: restarting it would not bring the broker back
            self._answer_json(200, {"healthy": True})
        elif path == "/readyz":
            reasons = self.readiness.reasons
            told = {"reasons": reasons} if known else {}
            self._answer_json(503 if reasons else 200, {"ready": not reasons, **told})
        else:
            self._answer_json(404, {"error": "path: must be /metrics, /healthz or /readyz"})

    def _is_known(self) -> bool:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        presented = key.strip().encode() if scheme.lower() == "bearer" else b""
        return self.door.keys.opens(presented, self.door.clock.now_ms())

    def _answer_json(self, status: int, document: dict[str, object]) -> None:
        self._answer(status, "application/json", json.dumps(document).encode() + b"\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet: probes come every second."""


class Monitor:
    """A server at ``port``, in a thread of its own until ``close``."""

    def __init__(
        self, registry: CollectorRegistry, readiness: Readiness, port: int, door: MonitorDoor | None = None
    ) -> None:
        door = door or MonitorDoor()
        handler = type("Handler", (_Handler,), {"registry": registry, "readiness": readiness, "door": door})
        self._server = ThreadingHTTPServer((door.host, port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def serve_monitor(
    registry: CollectorRegistry, readiness: Readiness, port: int, door: MonitorDoor | None = None
) -> Monitor | None:
    """Listen at ``port``, or the next free one: instances share a setting. 0 serves nothing.

    Raises
    ------
    InputError
        None of ``PORTS_TRIED`` ports is free.
    """
    if not port:
        return None
    for candidate in range(port, min(port + PORTS_TRIED, 65_536)):
        try:
            monitor = Monitor(registry, readiness, candidate, door)
        except OSError:
            continue
        _log.info("metrics_served", port=candidate)
        return monitor
    rule = f"none of the {PORTS_TRIED} ports from it on is free"
    raise InputError("metrics_port", port, rule, "choose another one, or 0 for none")
