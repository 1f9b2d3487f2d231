"""Feature rows: one at a time and a whole history, beside TA-Lib recomputing its functions on the last candles."""

import numpy as np

from benchmarks.measurement import Measurement, best_seconds
from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_history, warm
from feature_service.rings import SeriesRings
from producer.sample import sample_candles

ROWS = 5_000
PEER_ROWS = 500
SERIES = 10_000


def run() -> list[Measurement]:
    """Measure."""
    warm()
    candles = sample_candles(20_000, "M15", 1)
    rings = SeriesRings()
    slot = rings.acquire()
    rings.seed(slot, candles[: FEATURE_SET.lookback])
    slots, singles = np.array([slot]), [candles[at : at + 1] for at in range(1_000, 1_000 + ROWS)]

    def stream() -> None:
        for candle in singles:
            rings.push(slots, candle)

    row_us = 1e6 * best_seconds(stream) / ROWS
    batch_us = 1e6 * best_seconds(lambda: compute_history(candles)) / len(candles)
    peer_us = 1e6 * best_seconds(lambda: _talib_rows(candles)) / PEER_ROWS
    peer = "TA-Lib, 26 functions recomputed on 512 candles"
    return [
        Measurement(f"a streaming row of {FEATURE_SET.size}", "us", "lower", row_us, peer, peer_us, "<= 5 us for 98"),
        Measurement("a history's row", "us", "lower", batch_us, peer, peer_us, "<= 3 us for 98"),
        Measurement("10,000 series updated in one call", "ms", "lower", _many_series_ms(), goal="<= 60 ms for 98"),
    ]


def _many_series_ms() -> float:
    candles = sample_candles(FEATURE_SET.lookback + 1, "M15", 2)
    rings = SeriesRings()
    slots = np.array([rings.acquire() for _ in range(SERIES)])
    for slot in slots:
        rings.seed(int(slot), candles[:-1])
    newest = np.repeat(candles[-1:], SERIES)
    return 1e3 * best_seconds(lambda: rings.push(slots, newest))


def _talib_rows(candles: np.ndarray) -> None:
    import talib  # noqa: PLC0415 - only this bench needs it

    o, h, l, c = (np.ascontiguousarray(candles[name]) for name in "ohlc")  # noqa: E741 - the field's own letters
    for end in range(1_000, 1_000 + PEER_ROWS):
        part = slice(end - 512, end)
        for period in (10, 20, 50):
            talib.SMA(c[part], period)
            talib.EMA(c[part], period)
            talib.ROC(c[part], period)
            talib.RSI(c[part], period)
            talib.CCI(h[part], l[part], c[part], period)
            talib.WILLR(h[part], l[part], c[part], period)
            talib.ATR(h[part], l[part], c[part], period)
        talib.MACD(c[part])
        talib.STOCH(h[part], l[part], c[part])
        talib.TRIX(c[part])
        talib.ULTOSC(h[part], l[part], c[part])
        talib.BOP(o[part], h[part], l[part], c[part])
