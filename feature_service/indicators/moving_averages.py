"""Moving averages: how far the close is from each, and how steep two of them are, in average true ranges."""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels import filters
from feature_service.kernels.columns import CLOSE, VOLUME, WILDER_14, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.filters import Filter, chained, combination, delayed, exponential, linear, simple
from feature_service.kernels.windows import offset, ratio

SMA_10 = simple(10)
SMA_20 = simple(20)
SMA_50 = simple(50)
SMA_200 = simple(200)
EMA_20 = exponential(20)
EMA_50 = exponential(50)
WMA_30 = linear(30)
DEMA_20 = combination((2.0, EMA_20), (-1.0, exponential(20, 20)))
TEMA_30 = combination((3.0, exponential(30)), (-3.0, exponential(30, 30)), (1.0, exponential(30, 30, 30)))
HMA_21 = chained(combination((2.0, linear(10)), (-1.0, linear(21))), linear(4))
SMA_20_SLOPE = combination((1.0, SMA_20), (-1.0, delayed(SMA_20, 5)))
EMA_50_SLOPE = combination((1.0, EMA_50), (-1.0, delayed(EMA_50, 10)))
VWMA_LENGTH = 20

_SMA_10 = filters.taps(SMA_10)
_SMA_20 = filters.taps(SMA_20)
_SMA_50 = filters.taps(SMA_50)
_SMA_200 = filters.taps(SMA_200)
_EMA_20 = filters.taps(EMA_20)
_EMA_50 = filters.taps(EMA_50)
_WMA_30 = filters.taps(WMA_30)
_DEMA_20 = filters.taps(DEMA_20)
_TEMA_30 = filters.taps(TEMA_30)
_HMA_21 = filters.taps(HMA_21)
_SMA_20_SLOPE = filters.taps(SMA_20_SLOPE)
_EMA_50_SLOPE = filters.taps(EMA_50_SLOPE)

_ATR_LOOKBACK = len(WILDER_14) + 1  # a true range needs the close before it
_BARS = ("high", "low", "close")


def _entry(
    name: str, formula: str, bound: float, reads: Filter, source: str, inputs: tuple[str, ...] = _BARS
) -> Feature:
    lookback = max(len(reads), _ATR_LOOKBACK)
    return Feature(name, "moving_average", formula, inputs, "ATR14", -bound, bound, lookback, source)


def _distance(name: str, average: str, bound: float, reads: Filter, source: str) -> Feature:
    return _entry(f"{name}_distance", f"(close - {average}(close)) / ATR14", bound, reads, source)


FEATURES = (
    _distance("sma_10", "SMA10", 20.0, SMA_10, "TA-Lib SMA, ATR"),
    _distance("sma_20", "SMA20", 30.0, SMA_20, "TA-Lib SMA, ATR"),
    _distance("sma_50", "SMA50", 50.0, SMA_50, "TA-Lib SMA, ATR"),
    _distance("sma_200", "SMA200", 100.0, SMA_200, "TA-Lib SMA, ATR"),
    _distance("ema_20", "EMA20", 30.0, EMA_20, "TA-Lib EMA, ATR"),
    _distance("ema_50", "EMA50", 50.0, EMA_50, "TA-Lib EMA, ATR"),
    _distance("wma_30", "WMA30", 30.0, WMA_30, "TA-Lib WMA, ATR"),
    _distance("dema_20", "DEMA20", 20.0, DEMA_20, "TA-Lib DEMA, ATR; P. Mulloy, 1994"),
    _distance("tema_30", "TEMA30", 20.0, TEMA_30, "TA-Lib TEMA, ATR; P. Mulloy, 1994"),
    _distance("hma_21", "HMA21", 20.0, HMA_21, "A. Hull, 2005: WMA4(2 WMA10 - WMA21); TA-Lib ATR"),
    _entry(
        "vwma_20_distance",
        "(close - sum(volume close) / sum(volume) over 20) / ATR14; SMA20 where nothing was traded",
        30.0,
        simple(VWMA_LENGTH),
        "volume-weighted moving average; TA-Lib ATR",
        (*_BARS, "volume"),
    ),
    _entry(
        "sma_20_slope_5",
        "(SMA20(close) - SMA20(close) 5 candles ago) / ATR14",
        20.0,
        SMA_20_SLOPE,
        "TA-Lib SMA, ATR",
    ),
    _entry(
        "ema_50_slope_10",
        "(EMA50(close) - EMA50(close) 10 candles ago) / ATR14",
        20.0,
        EMA_50_SLOPE,
        "TA-Lib EMA, ATR",
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
def write_moving_averages(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    close = columns[CLOSE]
    values[0] = ratio(-offset(close, at, _SMA_10), atr)
    values[1] = ratio(-offset(close, at, _SMA_20), atr)
    values[2] = ratio(-offset(close, at, _SMA_50), atr)
    values[3] = ratio(-offset(close, at, _SMA_200), atr)
    values[4] = ratio(-offset(close, at, _EMA_20), atr)
    values[5] = ratio(-offset(close, at, _EMA_50), atr)
    values[6] = ratio(-offset(close, at, _WMA_30), atr)
    values[7] = ratio(-offset(close, at, _DEMA_20), atr)
    values[8] = ratio(-offset(close, at, _TEMA_30), atr)
    values[9] = ratio(-offset(close, at, _HMA_21), atr)
    values[10] = ratio(-volume_weighted_offset(close, columns[VOLUME], at), atr)
    values[11] = ratio(offset(close, at, _SMA_20_SLOPE), atr)
    values[12] = ratio(offset(close, at, _EMA_50_SLOPE), atr)
