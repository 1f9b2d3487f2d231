# mypy: allow-untyped-decorators
"""Synthetic candles: volatility that clusters, sessions, regimes, weekends and a few holes. A seed is a file."""

from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from shared.contracts import CANDLE_DTYPE, Candles
from shared.errors import InputError
from shared.timeframe import timeframe_ms

END_MS = 1_735_689_600_000
"""2025-01-01 00:00 UTC: the last candle closes here."""

DIGITS = 5
_WEEK_MS = 604_800_000
_DAY_MS = 86_400_000
_FRIDAY_22_MS = _DAY_MS + 22 * 3_600_000  # within a week that begins on Thursday, as the epoch does
_SUNDAY_22_MS = 3 * _DAY_MS + 22 * 3_600_000
_HOLE_RATE = 0.0003  # candles a feed drops
_YEAR_VOLATILITY = 0.09  # of a major currency pair
_YEAR_MS = 260 * _DAY_MS  # trading days only
_CENTRE = 1.12
_SPREAD_POINTS = 8
_REGIME_DRIFT = np.array([0.06, 0.02, 0.0, -0.02, -0.06, 0.0])  # in units of a candle's volatility
_REGIME_SCALE = np.array([0.9, 0.8, 0.6, 0.8, 0.9, 2.0])
_REGIME_LENGTH = 180  # candles, on average

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]


def sample_candles(count: int, timeframe: str, seed: int) -> Candles:
    """Make ``count`` candles, the last of which closes at ``END_MS``.

    Parameters
    ----------
    count
        1 or more; as many as fit after 1970.
    timeframe
        A name of ``shared.timeframe``.
    seed
        0 or more; the same seed gives the same candles.

    Raises
    ------
    InputError
        One of them is out of range.
    """
    width_ms = timeframe_ms(timeframe)
    if count < 1:
        raise InputError("candles", count, "must be 1 or more", "give a larger number")
    if seed < 0:
        raise InputError("seed", seed, "must be 0 or more", "give another seed")
    rng = np.random.default_rng([seed, width_ms // 1000])
    opens = _opens(count, width_ms, rng)
    normals = rng.standard_normal((count, 4))
    uniforms = rng.random((count, 4))
    base = _YEAR_VOLATILITY * np.sqrt(width_ms / _YEAR_MS)
    prices, activity = _walk(base, _session(opens, width_ms), normals, uniforms, _REGIME_DRIFT, _REGIME_SCALE)
    candles = np.empty(count, CANDLE_DTYPE)
    candles["t"] = opens
    rounded = np.round(prices, DIGITS)
    for column, name in enumerate("ohlc"):
        candles[name] = rounded[:, column]
    ticks = 0.55 * width_ms / 1000 * activity * np.exp(0.35 * normals[:, 3])
    candles["v"] = np.maximum(np.round(ticks), 1.0)
    return candles


def write_candles(candles: Candles, path: Path) -> None:
    """Write candles as MetaTrader 5 exports them (UTC stamps, tabs, CRLF), atomically enough for a sample.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    head = "\t".join(
        f"<{name}>" for name in ("DATE", "TIME", "OPEN", "HIGH", "LOW", "CLOSE", "TICKVOL", "VOL", "SPREAD")
    )
    stamps = np.datetime_as_string(candles["t"].astype("datetime64[ms]"), unit="s")
    lines = [head]
    for stamp, (_, o, h, low, c, v) in zip(stamps.tolist(), candles.tolist(), strict=True):
        day = stamp[:10].replace("-", ".")
        lines.append(f"{day}\t{stamp[11:]}\t{o:.5f}\t{h:.5f}\t{low:.5f}\t{c:.5f}\t{v:.0f}\t0\t{_SPREAD_POINTS}")
    try:
        path.write_bytes("\r\n".join([*lines, ""]).encode())
    except OSError as error:
        raise InputError("out", str(path), f"cannot be written: {error.strerror}", "give another path") from None


def _opens(count: int, width_ms: int, rng: np.random.Generator) -> Int64s:
    """Opens of the last ``count`` candles of a market that closes from Friday to Sunday 22:00 UTC."""
    spare = 2 * count + 16 * _WEEK_MS // width_ms + 16
    opens = END_MS - width_ms * np.arange(spare, 0, -1, dtype=np.int64)
    of_week = opens % _WEEK_MS
    closed = (of_week >= _FRIDAY_22_MS) & (of_week + width_ms <= _SUNDAY_22_MS)
    opens = opens[~closed]
    holes = rng.random(len(opens)) < _HOLE_RATE
    holes[-1] = False
    opens = opens[~holes][-count:]
    if opens[0] <= 0:
        raise InputError("candles", count, "would begin before 1970 at this timeframe", "give fewer candles")
    return opens


def _session(opens: Int64s, width_ms: int) -> Floats:
    """Relative activity (N,) by the hour: quiet Asia, Europe, and the hours that New York shares with it."""
    hour = (opens % _DAY_MS + width_ms / 2) / 3_600_000
    europe = np.exp(-0.5 * ((hour - 8.5) / 2.2) ** 2)
    america = 1.2 * np.exp(-0.5 * ((hour - 14.5) / 2.4) ** 2)
    shape = 0.55 + europe + america
    return np.asarray(shape if width_ms < _DAY_MS else np.ones_like(shape), np.float64)


@njit(cache=True)
def _walk(
    base: float, session: Floats, normals: Floats, uniforms: Floats, drifts: Floats, scales: Floats
) -> tuple[Floats, Floats]:  # pragma: no cover - compiled
    """Prices (N, 4: open, high, low, close) and activity (N,) candle by candle.

    The log-volatility is autoregressive; high and low are the exact extremes of a Brownian bridge from open to close.
    """
    count = session.size
    prices = np.empty((count, 4))
    activity = np.empty(count)
    centre = np.log(_CENTRE)
    price, heat, regime = centre, 0.0, 2
    for k in range(count):
        if uniforms[k, 0] < 1.0 / _REGIME_LENGTH:
            regime = int(uniforms[k, 1] * drifts.size)
        heat = 0.985 * heat + 0.09 * normals[k, 0]
        sigma = base * np.exp(heat) * scales[regime] * np.sqrt(session[k])
        start = price + 0.05 * sigma * normals[k, 1]
        end = start + sigma * (normals[k, 2] + drifts[regime]) - 2e-5 * (start - centre)
        move = (end - start) ** 2
        up = np.sqrt(move - 2.0 * sigma**2 * np.log(1.0 - uniforms[k, 2]))
        down = np.sqrt(move - 2.0 * sigma**2 * np.log(1.0 - uniforms[k, 3]))
        prices[k, 0] = np.exp(start)
        prices[k, 1] = np.exp((start + end + up) / 2.0)
        prices[k, 2] = np.exp((start + end - down) / 2.0)
        prices[k, 3] = np.exp(end)
        activity[k] = session[k] * np.exp(0.7 * heat) * scales[regime]
        price = end
    return prices, activity
