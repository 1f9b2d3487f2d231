"""Counting and timing of requests, by route: what ``/metrics`` tells."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.clock import Clock
from shared.metrics import GatewayMetrics

NO_ROUTE = "none"


class Meter:
    """ASGI middleware; outside of all others, so that refusals count too."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics, clock: Clock) -> None:
        self._app, self._metrics, self._clock = app, metrics, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count an answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s, status = self._clock.monotonic_s(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)  # a path that somebody made up is no label
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(self._clock.monotonic_s() - begun_s)


def exposition(registry: CollectorRegistry) -> Response:
    """Everything a registry counts, in Prometheus' text form."""
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
