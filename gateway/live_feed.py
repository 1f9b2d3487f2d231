"""The thread that follows the broker for the gateway: what is published, halts, the champion, whether it is there."""

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import redis
import structlog

from gateway.series_board import delivered
from gateway.stream_hub import Event, missed_event
from shared.broker import LOST, check_fitness, fields_of
from shared.clock import Clock
from shared.codec import decode_candle, decode_prediction
from shared.contracts import PARTITIONS, Candle
from shared.delivery import DeliveryReasons
from shared.errors import JunkError, SystemicError
from shared.names import Names
from shared.readiness import Readiness

BLOCK_MS = 100
READ_COUNT = 64
"""Entries read a log at a time."""
LOOK_S = 1.0
_BACKOFF_S, _BACKOFF_MAX_S = 0.1, 2.0
_CANDLES, _PREDICTIONS = 0, 1
_BEGINS = "this is where the stream begins"

_log = structlog.get_logger()


class LiveFeed:
    """Reads the candles and predictions logs from their ends on while somebody listens; looks around each second.

    Parameters
    ----------
    client
        Its own: it waits on it.
    publish
        Takes events, and returns once they are queued.
    wanted
        Whether anybody listens.
    looks
        Called each second.
    """

    def __init__(
        self,
        client: redis.Redis,
        names: Names,
        clock: Clock,
        reasons: DeliveryReasons,
        readiness: Readiness,
        publish: Callable[[Sequence[Event]], None],
        wanted: Callable[[], bool],
        looks: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._client, self._names, self._clock = client, names, clock
        self._reasons, self._readiness, self._publish = reasons, readiness, publish
        self._wanted, self._looks = wanted, looks
        self._log_of = {names.candles(p).encode(): (_CANDLES, p) for p in range(PARTITIONS)}
        self._log_of |= {names.predictions(p).encode(): (_PREDICTIONS, p) for p in range(PARTITIONS)}
        self._positions: dict[bytes, str] | None = None  # None: nobody listens
        self._standing: dict[str, Event] = {}
        self._halted: object = None
        self._connected: bool | None = None
        self._due_s = float("-inf")
        self._stop, self._call = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-feed", daemon=True)

    def start(self) -> None:
        """Start following."""
        self._thread.start()

    @property
    def standing(self) -> list[Event]:
        """What a new listener must know: whether there is a broker, what is halted, and that its stream begins.

        Where nobody listened before, the logs' ends are looked up first, and the beginning is told to all.
        """
        return [*self._standing.values(), *([missed_event(0, _BEGINS)] if self._positions is not None else [])]

    def wake(self) -> None:
        """Somebody listens now: read at once."""
        self._call.set()

    def close(self) -> None:
        """Stop, and leave the broker."""
        self._stop.set()
        self._call.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        backoff_s = _BACKOFF_S
        while not self._stop.is_set():
            try:
                self._turn()
                backoff_s = _BACKOFF_S
            except (*LOST, SystemicError) as error:
                self._lost(error)
                self._stop.wait(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)

    def _turn(self) -> None:
        if self._clock.monotonic_s() >= self._due_s:
            self._look_around()
            self._due_s = self._clock.monotonic_s() + LOOK_S
        if not self._wanted():
            self._positions = None
            self._call.wait(LOOK_S)
            self._call.clear()
        elif self._positions is None:
            self._positions = self._ends()
            self._publish([missed_event(0, _BEGINS)])
        else:
            self._read(self._positions)

    def _look_around(self) -> None:
        if not self._connected:
            check_fitness(self._client, self._names)
        self._reasons.refresh(self._client)
        for look in self._looks:
            look()
        if not self._connected:
            self._connected = True
            self._readiness.met("broker")
            self._announce(_broker_event(connected=True))
        halted = self._client.hgetall(self._names.halts)
        if halted != self._halted:
            self._halted = halted
            self._announce(_halts_event(halted))

    def _announce(self, event: Event) -> None:
        self._standing[event.kind] = event
        self._publish([event])

    def _lost(self, error: Exception) -> None:
        self._positions = None  # where it ends after that, nobody knows: listeners read again
        self._due_s = float("-inf")
        if self._connected is not False:
            self._connected = False
            _log.warning("broker_lost", error=str(error))
            self._announce(_broker_event(connected=False))
        self._readiness.unmet("broker", str(error))

    def _ends(self) -> dict[bytes, str]:
        pipeline = self._client.pipeline(transaction=False)
        for log in self._log_of:
            pipeline.execute_command("XREVRANGE", log, "+", "-", "COUNT", 1)
        replies = pipeline.execute()
        return {log: reply[0][0].decode() if reply else "0-0" for log, reply in zip(self._log_of, replies, strict=True)}

    def _read(self, positions: dict[bytes, str]) -> None:
        reply: Any = self._client.execute_command(
            "XREAD", "COUNT", READ_COUNT, "BLOCK", BLOCK_MS, "STREAMS", *positions, *positions.values()
        )
        candles: list[Event] = []
        predictions: list[Event] = []
        for log, entries in reply or []:
            kind, _ = self._log_of[log]
            positions[log] = entries[-1][0].decode()
            for entry in entries:
                try:
                    if kind == _CANDLES:
                        candles.append(_candle_event(fields_of(entry)))
                    else:
                        predictions.append(self._prediction_event(fields_of(entry)))
                except JunkError:
                    continue
        if candles or predictions:
            self._publish([*candles, *predictions])  # a candle before what is said of it

    def _prediction_event(self, fields: dict[bytes, bytes]) -> Event:
        prediction = decode_prediction(fields.get(b"m", b""))
        sent_us = self._clock.now_us()
        reasons = self._reasons.of(prediction, sent_us // 1_000)
        return Event("prediction", prediction.series.key, lambda: json.dumps(delivered(prediction, reasons, sent_us)))


def candle_document(candle: Candle) -> dict[str, float | int]:
    """JSON form of a candle, as /predict takes it."""
    return {
        "time": candle.t, "open": candle.o, "high": candle.h, "low": candle.l, "close": candle.c, "volume": candle.v,
    }  # fmt: skip


def _candle_event(fields: dict[bytes, bytes]) -> Event:
    candle = decode_candle(fields.get(b"m", b""), fields.get(b"n", b""), fields.get(b"a", b"0"))
    series = candle.series

    def render() -> str:
        named = {"series": series.key, "symbol": series.symbol, "timeframe": series.timeframe, "n": candle.n}
        return json.dumps(named | {"candle": candle_document(candle)})

    return Event("candle", series.key, render)


def _broker_event(*, connected: bool) -> Event:
    text = json.dumps({"connected": connected})
    return Event("broker", "", lambda: text)


def _halts_event(halted: dict[Any, Any]) -> Event:
    text = json.dumps({"halted": sorted(name.decode() for name in halted)})
    return Event("halts", "", lambda: text)
