"""Candles as an Expert Advisor sends them: MqlRates packed one after another, checked before they are admitted."""

import hashlib

import numpy as np

from bridge.ea_lines import CANDLES_MAX, PushLine, Refusal
from bridge.fields import MS_MAX
from producer.zones import Zone
from shared.contracts import CANDLE_DTYPE, Candles, Series
from shared.errors import JunkError

RATES = np.dtype([
    ("time", "<i8"), ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"), ("tick_volume", "<i8"),
    ("spread", "<i4"), ("real_volume", "<i8"),
])  # fmt: skip
"""60 bytes, ``<qddddqiq``; the time is UTC seconds here."""
BULK_BYTES_MAX = CANDLES_MAX * RATES.itemsize
_DAY_MS = 86_400_000


def read_bulk(line: PushLine, frame: bytes, zone: Zone | None) -> tuple[Candles, list[Refusal]]:
    """Candles of a frame, and those in it that can be none.

    Parameters
    ----------
    zone
        The broker's server's, as given at enrolment: its candles open on that clock's grid. None: not checked.

    Raises
    ------
    JunkError
        The frame is not the one that the line was signed for, or its times are not in order.
    """
    if hashlib.sha256(frame).hexdigest() != line.digest:
        raise JunkError("digest: is not that of the second frame")
    if len(frame) != line.count * RATES.itemsize:
        raise JunkError(f"count: {line.count} candles are {line.count * RATES.itemsize} bytes, not {len(frame)}")
    rates = np.frombuffer(frame, RATES)  # (N,)
    times = rates["time"]
    if times[0] <= 0 or times[-1] > MS_MAX // 1_000 or not (np.diff(times) > 0).all():
        raise JunkError("candles: their times are not in order")
    if 1_000 * int(times[-1]) != line.last_ms:
        raise JunkError(f"last_ms: {line.last_ms} is not the last candle's time")
    candles = np.empty(len(rates), CANDLE_DTYPE)
    candles["t"] = 1_000 * times
    for name, price in zip("ohlc", ("open", "high", "low", "close"), strict=True):
        candles[name] = rates[price]
    candles["v"] = np.where(rates["tick_volume"] != 0, rates["tick_volume"], rates["real_volume"])
    sound, placed = _sound(candles), _on_grid(candles, line.series, zone)
    refusals = [
        Refusal(int(t), "values" if not good else "grid")
        for t, good, right in zip(candles["t"], sound, placed, strict=True)
        if not (good and right)
    ]
    return candles[sound & placed], refusals


def _sound(candles: Candles) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which candles (N,) obey the rules of a candle; NaN obeys none."""
    o, h, low, c, v = (candles[name] for name in "ohlcv")
    prices = (low > 0) & (low <= np.minimum(o, c)) & (np.maximum(o, c) <= h) & np.isfinite(h)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = prices & (v >= 0)
    return found


def _on_grid(candles: Candles, series: Series, zone: Zone | None) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which candles (N,) open where this timeframe's candles do on the server's clock; weeks on any midnight."""
    if zone is None:
        return np.ones(len(candles), np.bool_)
    local = candles["t"] + zone.offsets(candles["t"])
    return np.asarray(local % min(series.width_ms, _DAY_MS) == 0, np.bool_)
