"""Who may come in, how often, and with how much: API key, rate and body size, before anything is parsed."""

import hmac
from collections import OrderedDict
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import problem
from shared.clock import Clock

OPEN_PATHS = frozenset({"/health", "/readyz", "/healthz"})
"""Answered without a key: probes have none, and they tell nothing."""
CLIENTS_MAX = 10_000


@dataclass(frozen=True)
class DoorLimits:
    """What the door lets through."""

    key: str | None  # None: no key is asked for
    per_s: float  # requests a second and client, on average
    burst: float  # requests at once
    body_bytes_max: int


class Rate:
    """A token bucket a client."""

    def __init__(self, per_s: float, burst: float, clock: Clock) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._tokens: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> tokens, when (s)

    def take(self, client: str) -> bool:
        """Take a token; False where none is left."""
        now_s = self._clock.monotonic_s()
        tokens, then_s = self._tokens.pop(client, (self._burst, now_s))
        tokens = min(self._burst, tokens + (now_s - then_s) * self._per_s)
        self._tokens[client] = (tokens - 1 if tokens >= 1 else tokens, now_s)
        if len(self._tokens) > CLIENTS_MAX:
            self._tokens.popitem(last=False)
        return tokens >= 1


class BodyTooLargeError(Exception):
    """A body that grew past its limit while it was read."""


class Doorman:
    """ASGI middleware: 401 without the key, 429 too often, 413 too much."""

    def __init__(self, app: ASGIApp, limits: DoorLimits, clock: Clock) -> None:
        self._app, self._limits = app, limits
        self._rate = Rate(limits.per_s, limits.burst, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it here."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        refusal = self._refusal(headers, (scope.get("client") or ("local",))[0])
        if refusal is not None:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
            else:
                await problem(*refusal)(scope, receive, send)
            return
        await self._measured(scope, receive, send)

    def _refusal(self, headers: dict[bytes, bytes], client: str) -> tuple[int, str, str] | None:
        limits = self._limits
        if not self._rate.take(client):
            return 429, f"more than {limits.per_s:g} requests a second", "wait, or send several in one batch"
        if limits.key is not None and not hmac.compare_digest(_key_of(headers), limits.key.encode()):
            return 401, "needs the API key", "send it as X-API-Key"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > limits.body_bytes_max:
            return 413, f"a body has at most {limits.body_bytes_max} bytes", "send fewer candles"
        return None

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a body that does not say its length."""
        taken, begun = 0, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limits.body_bytes_max:
                raise BodyTooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except BodyTooLargeError:
            if not begun:
                rule = f"a body has at most {self._limits.body_bytes_max} bytes"
                await problem(413, rule, "send fewer candles")(scope, receive, send)


def _key_of(headers: dict[bytes, bytes]) -> bytes:
    bearer = headers.get(b"authorization", b"")
    return headers.get(b"x-api-key") or (bearer[7:] if bearer[:7].lower() == b"bearer " else b"")
