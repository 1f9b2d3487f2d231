"""What tests of the gateway share: one that listens on a port of its own, and requests for it."""

import http.client
import json
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI

from gateway.service import SOCKETS
from producer.sample import sample_candles

Answer = tuple[int, dict[str, str], Any]


class GatewayUnderTest:
    """A running gateway, spoken to over a real socket; ``port`` 0: any free one."""

    def __init__(self, app: FastAPI, port: int = 0) -> None:
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_level="error",
            access_log=False,
            ws=SOCKETS,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            self._thread.join(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """Status, headers (lower case) and the JSON that came back. Bytes are sent as they are."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, content, headers or {})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        document = json.loads(text) if found.get("content-type") == "application/json" else text
        return response.status, found, document

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Close it."""
        self._server.should_exit = True
        self._thread.join()


def request_of(count: int, seed: int = 1, **more: Any) -> dict[str, Any]:
    """A request of ``count`` sample candles."""
    names = ("time", "open", "high", "low", "close", "volume")
    rows = [dict(zip(names, row, strict=True)) for row in sample_candles(count, "M15", seed).tolist()]
    return {"candles": rows, "symbol": "EURUSD", "timeframe": "M15", **more}
