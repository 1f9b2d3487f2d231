"""What the gateway has of a running system: boards to read, a feed that follows it, clients that listen."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import redis

from gateway.live_feed import LiveFeed
from gateway.score_board import ScoreBoard
from gateway.series_board import SeriesBoard
from gateway.stream_hub import Event, StreamHub
from gateway.system_board import SystemBoard
from gateway.trade_board import TradeBoard
from shared.broker import connect
from shared.clock import Clock
from shared.delivery import DeliveryReasons
from shared.metrics import GatewayMetrics
from shared.names import Names

STREAMS_MAX = 256
_PUBLISH_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Live:
    """Everything that needs a broker."""

    client: redis.Redis
    names: Names
    reasons: DeliveryReasons
    series: SeriesBoard
    system: SystemBoard
    scores: ScoreBoard
    trades: TradeBoard
    hub: StreamHub


def open_live(client: redis.Redis, names: Names, clock: Clock, metrics: GatewayMetrics) -> Live:
    """Open boards of a broker, which need not be there yet."""
    reasons = DeliveryReasons(names, clock)
    hub = StreamHub(STREAMS_MAX, metrics.missed.inc)
    metrics.streams.set_function(lambda: float(len(hub)))
    series = SeriesBoard(client, names, clock, reasons)
    trades = TradeBoard(client, names, series)
    return Live(client, names, reasons, series, SystemBoard(client, names), ScoreBoard(client, names), trades, hub)


def open_feed(
    live: Live, url: str, clock: Clock, metrics: GatewayMetrics, looks: Sequence[Callable[[], None]]
) -> LiveFeed:
    """Feed of the running event loop; start it, and close it in another thread than the loop's."""
    publish = partial(_publish, asyncio.get_running_loop(), live.hub)
    return LiveFeed(
        connect(url), live.names, clock, live.reasons, metrics.readiness, publish, lambda: len(live.hub) > 0, looks
    )


def _publish(loop: asyncio.AbstractEventLoop, hub: StreamHub, events: Sequence[Event]) -> None:
    """Queue events in the loop's thread; returns when that is done, so that a busy loop slows the reader."""

    async def queue() -> None:
        hub.publish(events)

    waiting = asyncio.run_coroutine_threadsafe(queue(), loop)
    waiting.result(_PUBLISH_TIMEOUT_S)
