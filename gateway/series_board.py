"""What the broker holds of each series: state, candles, predictions. Read when somebody asks; nothing is kept."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import redis

from gateway.series_state import Standing, State, live_standing, replay_standing
from shared.broker import broker_ms, fields_of, text
from shared.clock import Clock
from shared.codec import decode_candle, decode_kept_prediction, decode_prediction
from shared.contracts import PARTITIONS, Candle, Flag, Prediction, Reason, Series
from shared.delivery import DeliveryReasons
from shared.errors import InputError, JunkError, StorageError
from shared.names import Names
from shared.prediction_document import prediction_document
from shared.series_calendars import SeriesCalendars, Step

SUMMARY_AGE_S = 1.0
"""So old may the list of series be: many viewers cost one reading."""
FURTHEST_MS = 2**53
_CALENDARS = 16_384
_CHUNK = 1_000  # newest candles asked for in one pipeline

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a series: open times from ``from_ms`` to ``to_ms``, the newest ``limit`` of them."""

    from_ms: int = 0
    to_ms: int = FURTHEST_MS
    limit: int = 1


class SeriesBoard:
    """Reader of series. Safe between threads.

    Parameters
    ----------
    reasons
        Refreshed by somebody else.
    """

    def __init__(self, client: redis.Redis, names: Names, clock: Clock, reasons: DeliveryReasons) -> None:
        self._client, self._names, self._clock, self._reasons = client, names, clock, reasons
        self._calendars = SeriesCalendars(client, names, _CALENDARS)
        self._lock = threading.Lock()
        self._summary: list[dict[str, Any]] = []
        self._due_s = float("-inf")

    def document(self, prediction: Prediction) -> dict[str, Any]:
        """JSON form of a prediction that is delivered now."""
        now_us = self._clock.now_us()
        return delivered(prediction, self._reasons.of(prediction, now_us // 1_000), now_us)

    def predictions(self, series: Series, span: Span) -> list[Prediction]:
        """Those kept (the newest 500) within a span, oldest first; [] where the series has none."""
        key = self._names.recent(series.partition, series.key)
        return self._newest(key, span, lambda fields: decode_kept_prediction(fields.get(b"m", b""), series))

    def candles(self, series: Series, span: Span) -> list[Candle]:
        """Those kept within a span, oldest first; [] where the series has none."""
        key = self._names.history(series.partition, series.key)
        return self._newest(key, span, _kept_candle)

    def _newest(self, key: str, span: Span, decode: Callable[[dict[bytes, bytes]], R]) -> list[R]:
        end, begin = f"{span.to_ms}-0", f"{span.from_ms}-0"
        raw: list[Any] = self._client.execute_command("XREVRANGE", key, end, begin, "COUNT", span.limit)
        return list(_decoded(raw, decode))[::-1]

    def summary(self) -> list[dict[str, Any]]:
        """Every series, ordered by symbol and timeframe; at most ``SUMMARY_AGE_S`` old.

        Raises
        ------
        redis.RedisError
            The broker is away.
        """
        with self._lock:
            if self._clock.monotonic_s() >= self._due_s:
                self._summary = self._read_summary()
                self._due_s = self._clock.monotonic_s() + SUMMARY_AGE_S
            return self._summary

    def _read_summary(self) -> list[dict[str, Any]]:
        pipeline = self._client.pipeline(transaction=False)
        for p in range(PARTITIONS):
            pipeline.hgetall(self._names.series(p))
            pipeline.hgetall(self._names.latest(p))
            pipeline.hgetall(self._names.calendars(p))
        replies = pipeline.execute()
        found: list[tuple[Series, bytes, Prediction | None, str]] = []
        for p in range(PARTITIONS):
            known, latest, calendars = replies[3 * p : 3 * p + 3]
            for key, value in known.items():
                series = _series(key)
                if series is not None:
                    calendar = text(calendars.get(key, b"learned")).partition(" ")[0]
                    found.append((series, value, _latest(latest.get(key)), calendar))
        found.sort(key=lambda one: (one[0].symbol, one[0].width_ms))
        last = self._last_candles([one[0] for one in found])
        now_ms = broker_ms(self._client)
        return [self._line(*one, candle, now_ms) for one, candle in zip(found, last, strict=True)]

    def _last_candles(self, series: list[Series]) -> list[Candle | None]:
        found: list[Candle | None] = []
        for start in range(0, len(series), _CHUNK):
            pipeline = self._client.pipeline(transaction=False)
            for one in series[start : start + _CHUNK]:
                key = self._names.history(one.partition, one.key)
                pipeline.execute_command("XREVRANGE", key, "+", "-", "COUNT", 1)
            found += [next(_decoded(reply, _kept_candle), None) for reply in pipeline.execute()]
        return found

    def _line(
        self, series: Series, value: bytes, latest: Prediction | None, calendar: str, last: Candle | None, now_ms: int
    ) -> dict[str, Any]:
        n, _, source = text(value).partition(" ")
        standing = self._standing(series, last, latest, now_ms)
        return {
            "series": series.key,
            "symbol": series.symbol,
            "timeframe": series.timeframe,
            "state": str(standing.state),
            "why": standing.why,
            "missing": standing.missing,
            "source": source,
            "calendar": calendar,
            "n": int(n),
            "time": last.t if last else None,
            "close": last.c if last else None,
            "latest": self.document(latest) if latest else None,
        }

    def _standing(self, series: Series, last: Candle | None, latest: Prediction | None, now_ms: int) -> Standing:
        if last is None:
            return Standing(State.SILENT, "its candles cannot be read")
        if last.flags & Flag.REPLAY:
            return replay_standing(latest.admitted_us // 1_000 if latest else None, now_ms)
        try:
            calendar, fixed_t = self._calendars.calendar(Step(series, last.t, now_ms))
        except StorageError as error:
            return Standing(State.SILENT, str(error))
        return live_standing(series, last.t, now_ms, calendar, fixed_t)


def delivered(prediction: Prediction, reasons: Reason, now_us: int) -> dict[str, Any]:
    """JSON form of a prediction that leaves at ``now_us``."""
    return prediction_document(prediction, delivery=reasons, latency_us=latency_us(prediction, now_us))


def latency_us(prediction: Prediction, sent_us: int) -> dict[str, int]:
    """Microseconds by stage: to the ``row``, ``queued``, ``inferred``, until it was ``sent``, and their ``total``."""
    return {
        "row": prediction.row_us - prediction.admitted_us,
        "queued": prediction.queued_us - prediction.row_us,
        "inferred": prediction.inferred_us - prediction.queued_us,
        "sent": max(0, sent_us - prediction.inferred_us),
        "total": max(0, sent_us - prediction.admitted_us),
    }


def _kept_candle(fields: dict[bytes, bytes]) -> Candle:
    return decode_candle(fields.get(b"m", b""), fields.get(b"n", b""), b"0")


def _decoded(raw: Iterable[Any], decode: Callable[[dict[bytes, bytes]], R]) -> Iterator[R]:
    """Messages of raw entries; junk is passed over: the next write to the stream buries it."""
    for entry in raw:
        try:
            yield decode(fields_of(entry))
        except JunkError:
            continue


def _latest(message: bytes | None) -> Prediction | None:
    try:
        return decode_prediction(message) if message else None
    except JunkError:
        return None


def _series(key: bytes) -> Series | None:
    try:
        return Series.from_key(key.decode())
    except (InputError, UnicodeDecodeError):
        return None
