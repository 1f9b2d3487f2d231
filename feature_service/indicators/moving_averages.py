"""Moving averages: how far the close is from each, how steep they are and how far they spread, in ATR14.

Averages under fixed weights are linear in the closes, so a few of them settle many others: EMA and DEMA of
one length with the MACD of another, or a slope of an EMA with an SMA, come to R^2 above 0.9999. These do
not.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels import filters
from feature_service.kernels.columns import CLOSE, HIGH, LOW, VOLUME, WILDER_14, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.filters import Filter, chained, combination, delayed, exponential, linear, simple
from feature_service.kernels.windows import highest, lowest, offset, ratio

SMA_10 = simple(10)
SMA_20 = simple(20)
SMA_50 = simple(50)
SMA_200 = simple(200)
EMA_50 = exponential(50)
DEMA_30 = combination((2.0, exponential(30)), (-1.0, exponential(30, 30)))
HMA_21 = chained(combination((2.0, linear(10)), (-1.0, linear(21))), linear(4))
SMA_20_SLOPE = combination((1.0, SMA_20), (-1.0, delayed(SMA_20, 5)))
SMA_50_SLOPE = combination((1.0, SMA_50), (-1.0, delayed(SMA_50, 10)))
SMA_200_SLOPE = combination((1.0, SMA_200), (-1.0, delayed(SMA_200, 20)))
VWMA_LENGTH = 20
MIDPRICE_LENGTH = 26

_SMA_10 = filters.taps(SMA_10)
_SMA_20 = filters.taps(SMA_20)
_SMA_50 = filters.taps(SMA_50)
_SMA_200 = filters.taps(SMA_200)
_EMA_50 = filters.taps(EMA_50)
_DEMA_30 = filters.taps(DEMA_30)
_HMA_21 = filters.taps(HMA_21)
_SMA_20_SLOPE = filters.taps(SMA_20_SLOPE)
_SMA_50_SLOPE = filters.taps(SMA_50_SLOPE)
_SMA_200_SLOPE = filters.taps(SMA_200_SLOPE)

_ATR_LOOKBACK = len(WILDER_14) + 1  # a true range needs the close before it
_BARS = ("high", "low", "close")


def _entry(
    name: str,
    formula: str,
    low: float,
    high: float,
    reads: int,
    source: str,
    inputs: tuple[str, ...] = _BARS,
) -> Feature:
    return Feature(name, "moving_average", formula, inputs, "ATR14", low, high, max(reads, _ATR_LOOKBACK), source)


def _distance(name: str, average: str, bound: float, reads: Filter, source: str) -> Feature:
    formula = f"(close - {average}(close)) / ATR14"
    return _entry(f"{name}_distance", formula, -bound, bound, len(reads), source)


def _slope(length: int, candles: int, reads: Filter) -> Feature:
    formula = f"(SMA{length}(close) - SMA{length}(close) {candles} candles ago) / ATR14"
    return _entry(f"sma_{length}_slope_{candles}", formula, -20.0, 20.0, len(reads), "TA-Lib SMA, ATR")


FEATURES = (
    _distance("sma_10", "SMA10", 20.0, SMA_10, "TA-Lib SMA, ATR"),
    _distance("sma_20", "SMA20", 30.0, SMA_20, "TA-Lib SMA, ATR"),
    _distance("sma_50", "SMA50", 50.0, SMA_50, "TA-Lib SMA, ATR"),
    _distance("sma_200", "SMA200", 100.0, SMA_200, "TA-Lib SMA, ATR"),
    _distance("ema_50", "EMA50", 50.0, EMA_50, "TA-Lib EMA, ATR"),
    _distance("dema_30", "DEMA30", 20.0, DEMA_30, "P. Mulloy, 1994; TA-Lib DEMA, ATR"),
    _distance("hma_21", "HMA21", 20.0, HMA_21, "A. Hull, 2005: WMA4(2 WMA10 - WMA21); TA-Lib WMA, ATR"),
    _entry(
        "vwma_20_distance",
        "(close - sum(volume close) / sum(volume) over 20) / ATR14; SMA20 where nothing was traded",
        -30.0,
        30.0,
        VWMA_LENGTH,
        "volume-weighted moving average; TA-Lib ATR",
        (*_BARS, "volume"),
    ),
    _entry(
        "midprice_26_distance",
        "(close - (highest26 + lowest26) / 2) / ATR14",
        -30.0,
        30.0,
        MIDPRICE_LENGTH,
        "G. Hosoda: the base line of Ichimoku; TA-Lib MIDPRICE, ATR",
    ),
    _slope(20, 5, SMA_20_SLOPE),
    _slope(50, 10, SMA_50_SLOPE),
    _slope(200, 20, SMA_200_SLOPE),
    _entry(
        "sma_ribbon_width",
        "(largest - smallest of SMA10, SMA20, SMA50, SMA200 of close) / ATR14",
        0.0,
        100.0,
        len(SMA_200),
        "the ribbon of moving averages; TA-Lib SMA, ATR",
    ),
)


@kernel
def volume_weighted_offset(close: NDArray[np.float64], volume: NDArray[np.float64], at: int) -> float:
    """Volume-weighted average of the closes less the newest close; unweighted where all volumes are 0."""
    moved = 0.0
    traded = 0.0
    for lag in range(VWMA_LENGTH):
        moved += volume[at - lag] * (close[at - lag] - close[at])
        traded += volume[at - lag]
    if traded == 0.0:
        return offset(close, at, _SMA_20)
    return moved / traded


@kernel
def midprice_offset(columns: Buffer, at: int) -> float:
    """Middle of the range less the newest close."""
    close = columns[CLOSE, at]
    above: float = highest(columns[HIGH], at, MIDPRICE_LENGTH) - close
    below: float = lowest(columns[LOW], at, MIDPRICE_LENGTH) - close
    return 0.5 * (above + below)


@kernel
def write_moving_averages(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    close = columns[CLOSE]
    sma_10 = offset(close, at, _SMA_10)
    sma_20 = offset(close, at, _SMA_20)
    sma_50 = offset(close, at, _SMA_50)
    sma_200 = offset(close, at, _SMA_200)
    values[0] = ratio(-sma_10, atr)
    values[1] = ratio(-sma_20, atr)
    values[2] = ratio(-sma_50, atr)
    values[3] = ratio(-sma_200, atr)
    values[4] = ratio(-offset(close, at, _EMA_50), atr)
    values[5] = ratio(-offset(close, at, _DEMA_30), atr)
    values[6] = ratio(-offset(close, at, _HMA_21), atr)
    values[7] = ratio(-volume_weighted_offset(close, columns[VOLUME], at), atr)
    values[8] = ratio(-midprice_offset(columns, at), atr)
    values[9] = ratio(offset(close, at, _SMA_20_SLOPE), atr)
    values[10] = ratio(offset(close, at, _SMA_50_SLOPE), atr)
    values[11] = ratio(offset(close, at, _SMA_200_SLOPE), atr)
    upper = max(sma_10, sma_20, sma_50, sma_200)
    lower = min(sma_10, sma_20, sma_50, sma_200)
    values[12] = ratio(upper - lower, atr)
