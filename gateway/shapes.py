"""What clients send: the JSON shapes of requests, and the candles they become."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, FailFast, Field

from producer.zones import Zone
from shared.contracts import CANDLE_DTYPE, WINDOW, Candles, Series
from shared.errors import CandleError, InputError
from shared.timeframe import timeframe_name

SYMBOL = "UNNAMED"
"""Symbol of a request that names none."""
CANDLES_MAX = 10_000
BATCH_MAX = 64

_USUAL_STAMP = re.compile(r"[1-4][0-9]{3}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}")
_SECONDS_MAX, _MS_MAX = 10**11, 10**14  # year 5138 either way: the magnitude tells the unit
_MEND_TIME = "write 2024-01-31 09:00:00, an ISO 8601 time, or epoch seconds or milliseconds"
Number = Annotated[float, Field(allow_inf_nan=False)]


class Shape(BaseModel):
    """A frozen JSON object with no keys but the named ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CandleShape(Shape):
    """One closed candle; ``time`` is when it opened."""

    time: str | int | float = Field(description="'2024-01-01 00:00:00', ISO 8601, or epoch seconds or milliseconds")
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number = Field(ge=0)


class PredictRequest(Shape):
    """Closed candles of one series, oldest first."""

    candles: Annotated[list[CandleShape], FailFast()] = Field(min_length=WINDOW, max_length=CANDLES_MAX)
    symbol: str = Field(SYMBOL, min_length=1, max_length=64)
    timeframe: str | None = Field(None, description="M1 ... W1; default: the most common step of the candles")
    tz: str = Field("UTC", description="zone of stamps that carry none: IANA name, +02:00, broker-eu or broker-us")
    n: int | None = Field(None, description="not used: an answer of /v1/candles, which says it, is a request as it is")


class BatchRequest(Shape):
    """Several requests, answered in order. Each is checked on its own."""

    batch: list[dict[str, Any]] = Field(
        min_length=1, max_length=BATCH_MAX, json_schema_extra={"items": {"$ref": "#/components/schemas/PredictRequest"}}
    )


class HaltRequest(Shape):
    """Which symbol to halt or resume."""

    symbol: str | None = Field(
        None, min_length=1, max_length=64, description="as the broker spells it; null: every one"
    )


def candles_of(shapes: list[CandleShape], zone: Zone) -> Candles:
    """(N,) candles with UTC times.

    Raises
    ------
    InputError
        A stamp that cannot be read, times that do not ascend, or a row that cannot be a candle; names the row.
    """
    candles = np.empty(len(shapes), CANDLE_DTYPE)
    candles["t"] = _times([shape.time for shape in shapes], zone)
    for name, field in zip("ohlcv", ("open", "high", "low", "close", "volume"), strict=True):
        candles[name] = [getattr(shape, field) for shape in shapes]
    _check_order(candles)
    _check_prices(candles)
    return candles


def series_of(request: PredictRequest, candles: Candles) -> Series:
    """Series of a request; its timeframe is told by the candles where it names none.

    Raises
    ------
    InputError
        An unknown timeframe, or steps that contradict it.
    """
    steps = np.diff(candles["t"])
    values, counts = np.unique(steps, return_counts=True)
    usual = int(values[counts.argmax()])
    name = request.timeframe or timeframe_name(usual)
    if name is None:
        raise InputError("timeframe", None, f"the usual step of {usual} ms is no timeframe's", "name the timeframe")
    series = Series(request.symbol, name)
    if usual != series.width_ms or steps.min() < series.width_ms:
        found = timeframe_name(usual) or f"{usual} ms"
        raise InputError("timeframe", name, f"the candles' usual step is {found}", "name the one that they are of")
    return series


def _times(stamps: list[str | int | float], zone: Zone) -> np.ndarray:
    """(N,) UTC epoch ms; an hour that the clock shows twice is read as ascending."""
    local, known = _read_stamps(stamps)
    if known.all():
        return local
    readings = zone.readings(local)
    utc = readings.earlier.copy()
    if (np.diff(utc) <= 0).any():
        for at in range(1, len(utc)):
            if utc[at] <= utc[at - 1]:
                utc[at] = readings.later[at]
    return np.where(known, local, utc)


def _read_stamps(stamps: list[str | int | float]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) ``epoch_ms`` of each, and whether it is UTC: at once where all are of a usual form, else one by one."""
    kinds = set(map(type, stamps))
    if kinds == {int} and all(0 < stamp < _MS_MAX for stamp in stamps):  # type: ignore[operator]
        epochs = np.array(stamps, np.int64)
        return np.where(epochs < _SECONDS_MAX, epochs * 1_000, epochs), np.ones(len(stamps), bool)
    if kinds == {str} and all(map(_USUAL_STAMP.fullmatch, stamps)):  # type: ignore[arg-type]
        try:
            return np.array(stamps, "datetime64[ms]").astype(np.int64), np.zeros(len(stamps), bool)
        except ValueError:
            pass  # a month 13: reading one by one says which it is
    local, known = np.empty(len(stamps), np.int64), np.zeros(len(stamps), bool)
    for at, stamp in enumerate(stamps):
        local[at], known[at] = epoch_ms(f"candles[{at}].time", stamp)
    return local, known


def epoch_ms(field: str, stamp: str | int | float) -> tuple[int, bool]:
    """Epoch ms on the stamp's own clock, and whether that is UTC already.

    Raises
    ------
    InputError
        It is no time, or one that no candle can have.
    """
    if isinstance(stamp, str):
        try:
            moment = datetime.fromisoformat(stamp.strip().replace(".", "-", 2) if "." in stamp[:8] else stamp.strip())
        except ValueError:
            raise InputError(field, stamp, "is no time", _MEND_TIME) from None
        aware = moment.tzinfo is not None
        found_ms = round((moment if aware else moment.replace(tzinfo=UTC)).timestamp() * 1_000)
        if abs(found_ms) >= _MS_MAX:
            raise InputError(field, stamp, "is too far from now", _MEND_TIME)
        return found_ms, aware
    if not 0 < stamp < _MS_MAX:
        raise InputError(field, stamp, f"must be above 0 and below {_MS_MAX:.0e}", _MEND_TIME)
    return round(stamp * 1_000 if stamp < _SECONDS_MAX else stamp), True


def _check_order(candles: Candles) -> None:
    wrong = np.flatnonzero(np.diff(candles["t"]) <= 0)
    if len(wrong):
        at = int(wrong[0]) + 1
        rule = f"must be later than that of candles[{at - 1}]"
        raise InputError(f"candles[{at}].time", int(candles["t"][at]), rule, "send each candle once, oldest first")
    if candles["t"][0] <= 0:
        raise InputError("candles[0].time", int(candles["t"][0]), "must be after 1970", _MEND_TIME)


def _check_prices(candles: Candles) -> None:
    """Refuse the first row that cannot be a candle (design: 0 < l <= min(o, c) <= max(o, c) <= h, finite)."""
    o, h, low, c = (candles[name] for name in "ohlc")
    for field, bad, rule in (
        ("open", ~(o > 0), "must be above 0"),
        ("high", ~(h > 0), "must be above 0"),
        ("low", ~(low > 0), "must be above 0"),
        ("close", ~(c > 0), "must be above 0"),
        ("low", low > np.minimum(o, c), "must not be above open or close"),
        ("high", h < np.maximum(o, c), "must not be below open or close"),
    ):
        wrong = np.flatnonzero(bad)
        if len(wrong):
            at = int(wrong[0])
            value = float(candles[field[0]][at])
            raise CandleError(f"candles[{at}].{field}", value, rule, "send candles as they were")
