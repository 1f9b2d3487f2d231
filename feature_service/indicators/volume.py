"""Volume: how much is traded against the usual, and which side of the price it is on.

Only shares and ratios of volumes: whether they count ticks, lots or contracts makes no difference. Where
nothing was traded each says the neutral thing.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels import filters
from feature_service.kernels.columns import CLOSE, HIGH, LOW, TRUE_RANGE, VOLUME, WILDER_14, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.filters import exponential
from feature_service.kernels.lanes import LANES, Lanes, larger, largest, less, load, quotient, splat, total
from feature_service.kernels.moments import central_moments, correlation, covariance
from feature_service.kernels.windows import ROUNDING, change_products, ratio

MEDIAN_LENGTH = 20
SCORE_LENGTH = 48
TREND_LENGTHS = (5, 50)
BALANCE_LENGTH = 20
MONEY_FLOW_LENGTH = 14
FORCE_13 = exponential(13, rest_max=1e-10)  # finer: volumes differ a thousandfold within a day
VWAP_LENGTH = 48
CORRELATION_LENGTH = 32

_FORCE_13 = filters.taps(FORCE_13)
_BALANCE = filters.taps([1.0] * BALANCE_LENGTH)
_MONEY_FLOW = filters.taps([1.0] * MONEY_FLOW_LENGTH)
_SHORT, _LONG = TREND_LENGTHS

_ATR_LOOKBACK = len(WILDER_14) + 1
_BARS = ("high", "low", "close", "volume")


def _entry(
    name: str,
    formula: str,
    inputs: tuple[str, ...],
    unit: str,
    low: float,
    high: float,
    lookback: int,
    source: str,
) -> Feature:
    return Feature(name, "volume", formula, inputs, unit, low, high, lookback, source)


FEATURES = (
    _entry(
        "volume_to_median_20",
        "volume / (volume + median volume over 20); 0.5 where both are 0",
        ("volume",),
        "share",
        0.0,
        1.0,
        MEDIAN_LENGTH,
        "volume against its usual",
    ),
    _entry(
        "volume_score_48",
        "(volume - mean over 48) / standard deviation over 48; 0 where all are one",
        ("volume",),
        "deviations",
        -7.0,
        7.0,
        SCORE_LENGTH,
        "z-score",
    ),
    _entry(
        "volume_5_to_50",
        "mean volume over 5 / mean volume over 50; 0 where nothing was traded",
        ("volume",),
        "ratio",
        0.0,
        10.0,
        _LONG,
        "volume oscillator",
    ),
    _entry(
        "obv_20",
        "sum of volume times the sign of close - close before / sum of volume, over 20; 0 where nothing was traded",
        ("close", "volume"),
        "share",
        -1.0,
        1.0,
        BALANCE_LENGTH + 1,
        "J. Granville, 1963: on-balance volume, over a window; TA-Lib OBV",
    ),
    _entry(
        "mfi_14",
        "100 up / (up + down), up the sum of typical price times volume where the typical price rose, over 14; "
        "50 where neither",
        _BARS,
        "percent",
        0.0,
        100.0,
        MONEY_FLOW_LENGTH + 1,
        "G. Quong, A. Soudack, 1989; TA-Lib MFI",
    ),
    _entry(
        "cmf_20",
        "sum of volume (2 close - high - low) / (high - low) / sum of volume, over 20; 0 where nothing was traded",
        _BARS,
        "share",
        -1.0,
        1.0,
        BALANCE_LENGTH,
        "M. Chaikin: money flow; TA-Lib AD",
    ),
    _entry(
        "force_13",
        "EMA13((close - close before) volume) / (EMA13(volume) ATR14); 0 where nothing was traded",
        _BARS,
        "ATR14",
        -20.0,
        20.0,
        _ATR_LOOKBACK,
        "A. Elder, 1993: force index; TA-Lib EMA, ATR",
    ),
    _entry(
        "vwap_48_distance",
        "(close - sum(volume typical) / sum(volume) over 48) / ATR14, typical = (high + low + close) / 3; "
        "0 where nothing was traded",
        _BARS,
        "ATR14",
        -50.0,
        50.0,
        _ATR_LOOKBACK,
        "rolling volume-weighted average price; TA-Lib ATR",
    ),
    _entry(
        "volume_range_correlation_32",
        "correlation of volume and true range over 32; 0 where either stands still",
        _BARS,
        "correlation",
        -1.0,
        1.0,
        CORRELATION_LENGTH + 1,
        "effort and result (R. Wyckoff); TA-Lib CORREL, TRANGE",
    ),
)


@kernel
def median_volume(volume: NDArray[np.float64], at: int) -> float:
    """Middle of the 20 newest volumes: the two below which less than half stand, and not above more than half.

    Three loads of eight cover the 20, four of them twice.
    """
    oldest = load(volume, at - 19)
    middle = load(volume, at - 11)
    newest = load(volume, at - 7)
    oldest_below = oldest_higher = splat(0.0)
    middle_below = middle_higher = splat(0.0)
    newest_below = newest_higher = splat(0.0)
    for place in range(at - MEDIAN_LENGTH + 1, at + 1):
        value = splat(volume[place])
        oldest_below += less(value, oldest)
        oldest_higher += less(oldest, value)
        middle_below += less(value, middle)
        middle_higher += less(middle, value)
        newest_below += less(value, newest)
        newest_higher += less(newest, value)
    found = 0.0
    for half in (MEDIAN_LENGTH // 2 - 0.5, MEDIAN_LENGTH // 2 + 0.5):
        below = splat(half)
        higher = splat(MEDIAN_LENGTH - half)
        middles = larger(
            oldest * less(oldest_below, below) * less(oldest_higher, higher),
            middle * less(middle_below, below) * less(middle_higher, higher),
        )
        found += largest(larger(middles, newest * less(newest_below, below) * less(newest_higher, higher)))
    return 0.5 * found


@kernel
def trend(volume: NDArray[np.float64], at: int) -> float:
    """Mean of 5 volumes against the mean of 50."""
    short = 0.0
    long = 0.0
    for lag in range(_LONG):
        long += volume[at - lag]
        if lag + 1 == _SHORT:
            short = long
    return ratio(short * (_LONG / _SHORT), long)


@kernel
def balances(columns: Buffer, at: int) -> tuple[float, float]:
    """On-balance volume and Chaikin's money flow, as shares of what was traded."""
    start = at - _BALANCE.size + 1
    rounding = splat(1.0 + ROUNDING)
    signed = splat(0.0)
    placed = splat(0.0)
    traded = splat(0.0)
    for tap in range(0, _BALANCE.size, LANES):
        high = load(columns[HIGH], start + tap)
        low = load(columns[LOW], start + tap)
        close = load(columns[CLOSE], start + tap)
        before = load(columns[CLOSE], start + tap - 1)
        volume = load(_BALANCE, tap) * load(columns[VOLUME], start + tap)
        traded += volume
        signed += volume * (less(before * rounding, close) - less(close * rounding, before))
        placed += volume * quotient((close - low) - (high - close), high - low)
    return ratio(total(signed), total(traded)), ratio(total(placed), total(traded))


@kernel
def typical_thrice(columns: Buffer, place: int) -> Lanes:
    """High, low and close of eight candles from a place on, added."""
    return load(columns[HIGH], place) + load(columns[LOW], place) + load(columns[CLOSE], place)


@kernel
def money_flow(columns: Buffer, at: int) -> float:
    """MFI: the share of money that went with a rising typical price."""
    start = at - _MONEY_FLOW.size + 1
    rounding = splat(1.0 + ROUNDING)
    up = splat(0.0)
    down = splat(0.0)
    for tap in range(0, _MONEY_FLOW.size, LANES):
        typical = typical_thrice(columns, start + tap)
        before = typical_thrice(columns, start + tap - 1)
        volume = load(_MONEY_FLOW, tap) * load(columns[VOLUME], start + tap)
        up += (volume * less(before * rounding, typical)) * typical
        down += (volume * less(typical * rounding, before)) * typical
    rose = total(up)
    both = rose + total(down)
    return 100.0 * (rose / both) if both != 0.0 else 50.0


@kernel
def vwap_offset(columns: Buffer, at: int) -> float:
    """Volume-weighted average of the typical prices less the newest close; 0 where nothing was traded."""
    close = splat(columns[CLOSE, at])
    moved = splat(0.0)
    traded = splat(0.0)
    for place in range(at - VWAP_LENGTH + 1, at + 1, LANES):
        high = load(columns[HIGH], place) - close
        low = load(columns[LOW], place) - close
        volume = load(columns[VOLUME], place)
        moved += volume * (high + low + (load(columns[CLOSE], place) - close))
        traded += volume
    return ratio(total(moved), 3.0 * total(traded))


@kernel
def write_volume(columns: Buffer, at: int, atr: float, values: NDArray[np.float64]) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``; atr in price."""
    volume = columns[VOLUME]
    both = volume[at] + median_volume(volume, at)
    values[0] = volume[at] / both if both > 0.0 else 0.5
    mean, variance, _, _ = central_moments(volume, at, SCORE_LENGTH)
    values[1] = ratio(volume[at] - mean, np.sqrt(variance)) if variance > 0.0 else 0.0
    values[2] = trend(volume, at)
    values[3], values[5] = balances(columns, at)
    values[4] = money_flow(columns, at)
    forced, traded = change_products(columns[CLOSE], volume, at, _FORCE_13)
    values[6] = ratio(forced, traded * atr)
    values[7] = ratio(-vwap_offset(columns, at), atr)
    values[8] = correlation(*covariance(volume, columns[TRUE_RANGE], at, CORRELATION_LENGTH))
