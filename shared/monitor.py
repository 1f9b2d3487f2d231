"""What a process tells those who watch it, over HTTP on a loopback port: /metrics, /healthz, /readyz."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from shared.errors import InputError
from shared.readiness import Readiness

PORTS_TRIED = 64
REQUEST_TIMEOUT_S = 5.0

_log = structlog.get_logger()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET; subclasses know what they speak of."""

    registry: ClassVar[CollectorRegistry]
    readiness: ClassVar[Readiness]
    timeout = REQUEST_TIMEOUT_S  # of a client that opens a connection and says nothing

    def do_GET(self) -> None:
        """Answer one of the three; 404 for anything else."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
        elif path == "/healthz":  # that it answers is the answer: restarting it would not bring the broker back
            self._answer_json(200, {"healthy": True})
        elif path == "/readyz":
            reasons = self.readiness.reasons
            self._answer_json(503 if reasons else 200, {"ready": not reasons, "reasons": reasons})
        else:
            self._answer_json(404, {"error": "path: must be /metrics, /healthz or /readyz"})

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

    def __init__(self, registry: CollectorRegistry, readiness: Readiness, port: int) -> None:
        handler = type("Handler", (_Handler,), {"registry": registry, "readiness": readiness})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
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


def serve_monitor(registry: CollectorRegistry, readiness: Readiness, port: int) -> Monitor | None:
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
            monitor = Monitor(registry, readiness, candidate)
        except OSError:
            continue
        _log.info("metrics_served", port=candidate)
        return monitor
    rule = f"none of the {PORTS_TRIED} ports from it on is free"
    raise InputError("metrics_port", port, rule, "choose another one, or 0 for none")
