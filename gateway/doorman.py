"""Who may come in, how often, and with how much: origin, API key, rate and body, before anything is parsed."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import problem
from shared.clock import Clock
from shared.doors import KeyRing

PROBES = frozenset({"/health", "/readyz", "/healthz"})
"""Answered to anybody, as often as they ask: probes have no key, and these tell nothing."""
PAGE = "/assets/"
"""The dashboard's own files, and ``/``: no key, since a browser cannot send one there, and nothing secret in them."""
CLIENTS_MAX = 10_000
BODIES_MAX = 8
"""Bodies of the largest size that may be in memory at once, whoever sends them."""
BODY_TIMEOUT_S = 30.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True)
class DoorLimits:
    """What the door lets through."""

    keys: KeyRing
    per_s: float  # requests a second and client, on average
    burst: float  # requests at once
    body_bytes_max: int
    monitor_keys: KeyRing  # these open /metrics, and nothing else

    def opens(self, path: str, presented: bytes, now_ms: int) -> bool:
        """Whether a key opens a path."""
        watched = path == "/metrics" and self.monitor_keys.locked
        return self.keys.opens(presented, now_ms) or (watched and self.monitor_keys.opens(presented, now_ms))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further."""

    status: int
    rule: str
    mend: str


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


class BodyRefusedError(Exception):
    """A body that was given up while it was read."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


class Doorman:
    """ASGI middleware: 401 without the key, 403 from another site, 408, 413 and 503 for bodies, 429 too often."""

    def __init__(self, app: ASGIApp, limits: DoorLimits, clock: Clock) -> None:
        self._app, self._limits, self._clock = app, limits, clock
        self._rate = Rate(limits.per_s, limits.burst, clock)
        self._held_bytes = 0  # of bodies that are being read or answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it here."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._measured(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.rule})
        else:
            await problem(refusal.status, refusal.rule, refusal.mend)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> Refusal | None:
        limits = self._limits
        if not self._rate.take((scope.get("client") or ("local",))[0]):
            rule = f"more than {limits.per_s:g} requests a second"
            return Refusal(429, rule, "wait, or send several in one batch")
        if foreign := _foreign(scope, headers, asks_key=limits.keys.locked):
            return foreign
        page = scope["path"] == "/" or scope["path"].startswith(PAGE)
        if not page and not limits.opens(scope["path"], _key_of(headers), self._clock.now_ms()):
            return Refusal(401, "needs an API key that is in force", "send it as X-API-Key")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > limits.body_bytes_max:
            return self._too_large()
        return None

    def _too_large(self) -> Refusal:
        return Refusal(413, f"a body has at most {self._limits.body_bytes_max} bytes", "send fewer candles")

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a body as it comes, and all of them together."""
        taken, begun, whole = 0, False, scope["type"] == "websocket"
        deadline_s = asyncio.get_running_loop().time() + BODY_TIMEOUT_S

        async def counted() -> Message:
            nonlocal taken, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = await receive()
            except TimeoutError:
                raise BodyRefusedError(
                    Refusal(408, f"a body must come within {BODY_TIMEOUT_S:g} s", "send it at once")
                ) from None
            whole = not message.get("more_body", False)
            size = len(message.get("body", b""))
            taken += size
            self._held_bytes += size
            if taken > self._limits.body_bytes_max:
                raise BodyRefusedError(self._too_large())
            if self._held_bytes > BODIES_MAX * self._limits.body_bytes_max:
                raise BodyRefusedError(Refusal(503, "too many large bodies at once", "try again"))
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except BodyRefusedError as error:
            if not begun:
                answer = problem(error.refusal.status, error.refusal.rule, error.refusal.mend)
                if error.refusal.status == 408:
                    answer.headers["Connection"] = (
                        "close"  # otherwise the rest is read and dropped: the client hears us
                    )
                await answer(scope, receive, send)
        finally:
            self._held_bytes -= taken


def _foreign(scope: Scope, headers: dict[bytes, bytes], *, asks_key: bool) -> Refusal | None:
    """Refuse what another site's page makes a browser send: without a key, only the address would protect."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if not asks_key and host.rsplit(":", 1)[0] not in _LOOPBACK and host not in _LOOPBACK:
        rule = f"this gateway asks for no key, so it answers to {', '.join(sorted(_LOOPBACK))} alone"
        return Refusal(403, rule, "address it so, or set gateway.key_file")
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    reads = scope["type"] == "http" and scope["method"] in {"GET", "HEAD", "OPTIONS"}
    if origin and not reads and origin.partition("://")[2] != host:
        return Refusal(403, "comes from another site", "send it from the gateway's own page, or without a browser")
    return None


def _key_of(headers: dict[bytes, bytes]) -> bytes:
    bearer = headers.get(b"authorization", b"")
    return headers.get(b"x-api-key") or (bearer[7:] if bearer[:7].lower() == b"bearer " else b"")
