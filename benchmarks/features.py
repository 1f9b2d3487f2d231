"""Feature rows: one at a time and a whole history, beside talipp, TA-Lib and pandas."""

import numpy as np
import pandas as pd

from benchmarks.measurement import Measurement, best_seconds
from benchmarks.peers.pandas_features import pandas_features
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
    row, history = f"a streaming row of {FEATURE_SET.size}", f"a history's row of {FEATURE_SET.size}"
    return [
        Measurement(row, "us", "lower", row_us, "talipp, 24 indicators", _talipp_us(candles), "<= 5 us"),
        Measurement(row, "us", "lower", row_us, "TA-Lib, 26 functions on 512 candles", _talib_us(candles)),
        Measurement(row, "us", "lower", row_us, "pandas, 98 columns on 607 candles", _pandas_row_us(candles)),
        Measurement(history, "us", "lower", batch_us, "pandas, 98 columns", _pandas_us(candles), "<= 3 us"),
        Measurement("10,000 series updated in one call", "ms", "lower", _many_series_ms(), goal="<= 60 ms"),
    ]


def _talipp_us(candles: np.ndarray) -> float:
    from benchmarks.peers.talipp_features import TalippFeatures  # noqa: PLC0415 - only this bench needs it

    features = TalippFeatures()
    features.push(candles[:1_000])
    return 1e6 * best_seconds(lambda: features.push(candles[1_000 : 1_000 + PEER_ROWS])) / PEER_ROWS


def _talib_us(candles: np.ndarray) -> float:
    return 1e6 * best_seconds(lambda: _talib_rows(candles)) / PEER_ROWS


def _pandas_row_us(candles: np.ndarray) -> float:
    frame = pd.DataFrame(candles[:607])
    return 1e6 * best_seconds(lambda: pandas_features(frame), repeats=3)


def _pandas_us(candles: np.ndarray) -> float:
    frame = pd.DataFrame(candles[:5_000])
    return 1e6 * best_seconds(lambda: pandas_features(frame), repeats=1) / len(frame)


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
