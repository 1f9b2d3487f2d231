"""Live events over server-sent events and WebSocket; a client that takes nothing is dropped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import FastAPI, Query, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from gateway.documents import Problem
from gateway.live import Live
from gateway.live_feed import LiveFeed
from gateway.openapi import answers
from gateway.stream_hub import KINDS, Event, Subscription
from shared.errors import BusyError, InputError

KEEPALIVE_S = 10.0
STALLED_S = 30.0
"""A client whose connection takes nothing for so long is dropped."""
PACE_MAX_MS = 10_000
SERIES_MAX = 200
_ALL = "default: all"
_ANSWERS = answers(Problem, 422, 503) | {
    200: {
        "description": "Events until either side ends it.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
Keys = Annotated[
    list[str], Query(max_length=SERIES_MAX, description=f"Keys of series, as /v1/series names them; {_ALL}.")
]
Kinds = Annotated[list[str], Query(max_length=len(KINDS), description=f"Some of {', '.join(KINDS)}; {_ALL}.")]
Pace = Annotated[
    int,
    Query(ge=0, le=PACE_MAX_MS, description="Milliseconds between two deliveries, of the newest of each series alone."),
]


class Streams:
    """What both kinds of connection need."""

    def __init__(self, live: Live | None) -> None:
        self._live = live
        self.feed: LiveFeed | None = None  # there while the application runs

    def open(self, series: list[str], kinds: list[str], pace_ms: int) -> Subscription:
        """Begin a client's queue with how things stand.

        Raises
        ------
        InputError
            There is no such kind.
        BusyError
            There is no broker, or there are too many clients.
        """
        for kind in kinds:
            if kind not in KINDS:
                raise InputError("kinds", kind, f"must be one of {', '.join(KINDS)}", "name one of them, or none")
        if self._live is None or self.feed is None:
            raise BusyError("this gateway has no broker")
        subscription = self._live.hub.open(series, kinds, pace_ms / 1_000)
        subscription.offer(self.feed.standing)
        self.feed.wake()
        return subscription

    def close(self, subscription: Subscription) -> None:
        """End it."""
        assert self._live is not None
        self._live.hub.close(subscription)


class EventStream(StreamingResponse):
    """Server-sent events of a subscription, given up where the client takes nothing."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, subscription: Subscription) -> None:
        super().__init__(_frames(subscription))
        self._streams, self._subscription = streams, subscription

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side ends it."""

        async def patient(message: Message) -> None:
            await asyncio.wait_for(send(message), STALLED_S)

        try:
            with suppress(TimeoutError):
                await super().__call__(scope, receive, patient)
        finally:
            self._streams.close(self._subscription)


def add_stream(app: FastAPI, streams: Streams) -> None:
    """Add ``/v1/stream`` in both forms."""

    @app.get("/v1/stream", response_class=StreamingResponse, responses=_ANSWERS)
    async def stream(series: Keys = [], kinds: Kinds = [], pace_ms: Pace = 0) -> EventStream:  # noqa: B006 - never changed
        """Server-sent events of candles and predictions as they are published. A WebSocket here gets the same."""
        return EventStream(streams, streams.open(series, kinds, pace_ms))

    @app.websocket("/v1/stream")
    async def socket(websocket: WebSocket, series: Keys = [], kinds: Kinds = [], pace_ms: Pace = 0) -> None:  # noqa: B006
        try:
            subscription = streams.open(series, kinds, pace_ms)
        except (InputError, BusyError) as error:
            await websocket.close(1008 if isinstance(error, InputError) else 1013, str(error)[:120])
            return
        await websocket.accept()
        listener = asyncio.create_task(_until_closed(websocket))
        try:
            await _send_all(websocket, subscription, listener)
        finally:
            listener.cancel()
            streams.close(subscription)


async def _frames(subscription: Subscription) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    while True:
        events = await subscription.take(KEEPALIVE_S)
        yield "".join(f"event: {event.kind}\ndata: {event.text}\n\n" for event in events) or ": still here\n\n"


async def _until_closed(websocket: WebSocket) -> None:
    """Take what the client says, to notice when it leaves."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _send_all(websocket: WebSocket, subscription: Subscription, listener: "asyncio.Task[None]") -> None:
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        while not listener.done():
            for event in await subscription.take(1.0):
                await asyncio.wait_for(websocket.send_text(_message(event)), STALLED_S)


def _message(event: Event) -> str:
    return f'{{"event": "{event.kind}", "data": {event.text}}}'
