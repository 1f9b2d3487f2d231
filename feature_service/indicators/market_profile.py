"""Market profile: when in the day and week it is, and at which prices the volume of 64 candles was traded.

The clock is that of UTC, of the candle's open time; sine and cosine together tell each hour from every other.
"""

import numpy as np
from numpy.typing import NDArray

from feature_service.feature import Feature
from feature_service.kernels.columns import CLOSE, HIGH, LOW, VOLUME, WILDER_14, Buffer
from feature_service.kernels.compile import kernel
from feature_service.kernels.elementary import sine_and_cosine
from feature_service.kernels.lanes import LANES, load, splat, total
from feature_service.kernels.windows import highest, lowest, ratio

BINS = 24
PROFILE_LENGTH = 64
SCRATCH = 2 * BINS + PROFILE_LENGTH
"""Numbers that the profile needs room for."""

VALUE_SHARE = 0.7  # of the volume makes the value area

_DAY_MS = 86_400_000
_WEEK_MS = 7 * _DAY_MS
_MONDAY_MS = 3 * _DAY_MS  # 1970-01-01, t = 0, was a Thursday
_SAME = 1e-9  # of a volume: what is rounding between two bins

_ATR_LOOKBACK = len(WILDER_14) + 1
_BARS = ("high", "low", "close", "volume")
_BINS = "24 bins between the lowest low and the highest high of 64 candles, each candle's volume (1 where nothing "
_SOURCE = "J. P. Steidlmayer, 1984: market profile"


def _clock(name: str, formula: str) -> Feature:
    return Feature(
        name, "market_profile", formula, ("time",), "circle", -1.0, 1.0, 1, "time of day and week as an angle"
    )


def _entry(name: str, formula: str, unit: str, low: float, high: float, lookback: int) -> Feature:
    profile = f"{_BINS}was traded) shared by the two bins next to its typical price"
    return Feature(name, "market_profile", f"{formula}; {profile}", _BARS, unit, low, high, lookback, _SOURCE)


FEATURES = (
    _clock("day_sine", "sin(2 pi t / day), t the open time in UTC"),
    _clock("day_cosine", "cos(2 pi t / day), t the open time in UTC"),
    _clock("week_sine", "sin(2 pi t / week), t the open time in UTC since a Monday"),
    _clock("week_cosine", "cos(2 pi t / week), t the open time in UTC since a Monday"),
    _entry(
        "point_of_control_distance",
        "(close - middle of the fullest bin) / ATR14",
        "ATR14",
        -50.0,
        50.0,
        _ATR_LOOKBACK,
    ),
    _entry(
        "value_area_high_distance",
        "(top of the value area - close) / ATR14, the area grown from the fullest bin to its fuller neighbour "
        "until it holds 70 % of the volume",
        "ATR14",
        -50.0,
        50.0,
        _ATR_LOOKBACK,
    ),
    _entry(
        "value_area_low_distance",
        "(close - bottom of the value area) / ATR14",
        "ATR14",
        -50.0,
        50.0,
        _ATR_LOOKBACK,
    ),
    _entry(
        "profile_skew",
        "mean typical price by volume, as its place from -1 at the lowest low to 1 at the highest high; 0 where "
        "both are one",
        "share",
        -1.0,
        1.0,
        PROFILE_LENGTH,
    ),
    _entry(
        "profile_concentration",
        "sum of the squared shares of the bins; 1 where the range is a point",
        "share",
        0.0,
        1.0,
        PROFILE_LENGTH,
    ),
    _entry(
        "volume_at_close",
        "volume at the close, between the middles of its two bins / volume of the fullest bin; 1 where the range "
        "is a point",
        "share",
        0.0,
        1.0,
        PROFILE_LENGTH,
    ),
)


@kernel
def bin_place(place: float) -> tuple[int, float]:
    """First of the two bins whose middles stand around a price, and the share of the second.

    ``place`` counts bins from the low. The lower half of the first bin is its own, the upper of the last.
    """
    place = min(max(place - 0.5, 0.0), BINS - 1.0)
    lower = min(int(place), BINS - 2)
    return lower, place - lower


@kernel
def fill_places(columns: Buffer, at: int, low: float, width: float, places: NDArray[np.float64]) -> None:
    """Write the places of the typical prices, oldest first, in bins from the low."""
    first = at - PROFILE_LENGTH + 1
    scale = 1.0 / (3.0 * width)
    for place in range(PROFILE_LENGTH):
        high, below = columns[HIGH, first + place] - low, columns[LOW, first + place] - low
        places[place] = (high + below + (columns[CLOSE, first + place] - low)) * scale


@kernel
def fill_bins(volume: NDArray[np.float64], first: int, traded: bool, scratch: NDArray[np.float64]) -> None:
    """Share each candle's volume out.

    Candles go to two sets of bins in turn, added at the end: a processor need not wait for the last sum.
    """
    places = scratch[2 * BINS :]
    scratch[: 2 * BINS] = 0.0
    for place in range(PROFILE_LENGTH):
        amount = volume[first + place] if traded else 1.0
        lower, share = bin_place(places[place])
        lower += BINS * (place & 1)
        scratch[lower] += amount * (1.0 - share)
        scratch[lower + 1] += amount * share
    for place in range(BINS):
        scratch[place] += scratch[place + BINS]


@kernel
def volume_and_moment(volume: NDArray[np.float64], first: int, places: NDArray[np.float64]) -> tuple[float, float]:
    """Volume, and volume times place."""
    traded = splat(0.0)
    moved = splat(0.0)
    for place in range(0, PROFILE_LENGTH, LANES):
        amount = load(volume, first + place)
        traded += amount
        moved += amount * load(places, place)
    return total(traded), total(moved)


@kernel
def mean_place(places: NDArray[np.float64]) -> float:
    """Mean of the places, each counted once."""
    moved = splat(0.0)
    for place in range(0, PROFILE_LENGTH, LANES):
        moved += load(places, place)
    return total(moved) / PROFILE_LENGTH


@kernel
def fullest_bin(bins: NDArray[np.float64]) -> int:
    """Lowest of the bins that are as full as any."""
    wanted = highest(bins, BINS - 1, BINS) * (1.0 - _SAME)
    found = 0
    while bins[found] < wanted:
        found += 1
    return found


@kernel
def value_area(bins: NDArray[np.float64], fullest: int, wanted: float) -> tuple[int, int]:
    """First and last bin of the area around the fullest bin that holds the wanted volume."""
    bottom = top = fullest
    held = bins[fullest]
    while held < wanted and (bottom > 0 or top < BINS - 1):
        under = bins[bottom - 1] if bottom > 0 else -1.0
        over = bins[top + 1] if top < BINS - 1 else -1.0
        if over > under * (1.0 - _SAME) and top < BINS - 1:
            top += 1
            held += over
        else:
            bottom -= 1
            held += under
    return bottom, top


@kernel
def concentration(bins: NDArray[np.float64], whole: float) -> float:
    """Sum of the squared shares."""
    part = splat(1.0 / whole)
    found = splat(0.0)
    for place in range(0, BINS, LANES):
        share = load(bins, place) * part
        found += share * share
    return total(found)


@kernel
def write_clock(t: int, values: NDArray[np.float64]) -> None:
    """Write sine and cosine of the time of day, then of the week; t in UTC epoch ms."""
    values[0], values[1] = sine_and_cosine((t % _DAY_MS) / _DAY_MS)
    values[2], values[3] = sine_and_cosine(((t + _MONDAY_MS) % _WEEK_MS) / _WEEK_MS)


@kernel
def write_profile(
    columns: Buffer, at: int, atr: float, scratch: NDArray[np.float64], values: NDArray[np.float64]
) -> None:
    """Write the six that stand on the profile."""
    low = lowest(columns[LOW], at, PROFILE_LENGTH)
    width = (highest(columns[HIGH], at, PROFILE_LENGTH) - low) / BINS
    values[:4] = 0.0
    values[4] = values[5] = 1.0
    if width == 0.0:
        return
    first = at - PROFILE_LENGTH + 1
    places = scratch[2 * BINS :]
    fill_places(columns, at, low, width, places)
    whole, moment = volume_and_moment(columns[VOLUME], first, places)
    traded = whole > 0.0
    fill_bins(columns[VOLUME], first, traded, scratch)
    if not traded:
        whole = float(PROFILE_LENGTH)
    fullest = fullest_bin(scratch)
    bottom, top = value_area(scratch, fullest, VALUE_SHARE * (1.0 - _SAME) * whole)
    close = columns[CLOSE, at] - low
    values[0] = ratio(close - (fullest + 0.5) * width, atr)
    values[1] = ratio((top + 1) * width - close, atr)
    values[2] = ratio(close - bottom * width, atr)
    values[3] = 2.0 * ((moment / whole if traded else mean_place(places)) / BINS) - 1.0
    values[4] = concentration(scratch, whole)
    lower, share = bin_place(close / width)
    values[5] = (scratch[lower] * (1.0 - share) + scratch[lower + 1] * share) / scratch[fullest]


@kernel
def write_market_profile(
    columns: Buffer, at: int, t: int, atr: float, scratch: NDArray[np.float64], values: NDArray[np.float64]
) -> None:
    """Write the family's values for the candle at ``at``, in the order of ``FEATURES``.

    ``t`` is its open time in UTC epoch ms, ``atr`` a price, ``scratch`` has room for ``SCRATCH`` numbers.
    """
    write_clock(t, values[:4])
    write_profile(columns, at, atr, scratch, values[4:])
