"""Family ``outcome``: where the close goes, in units of what is usual at that time of day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contracts import DIRECTIONS, Candles
from trainer.labels.technicals import Floats, exponential

NEUTRAL_QUANTILE = 1 / 3  # of |z| over the training split
VOLATILITY_WEIGHT = 1 / 48  # of the newest squared return in the present volatility
HOURS = 24
HOUR_CANDLES_MIN = 30  # an hour of the day with fewer training candles is taken as a usual one
HOUR_MS = 3_600_000

DEFINITION = (
    "z = log(close `horizon` candles later / close) / (volatility x sqrt(sum of squared hour factors of "
    "those candles)); volatility: exponential (1/48) root mean square of returns, each over its hour "
    "factor; hour factor: mean |return| of the UTC hour over that of all hours. neutral where |z| <= "
    "`neutral`, else up or down"
)

Profile = NDArray[np.float64]  # (24,) usual size of a return by UTC hour, 1 = average

_CLASS = {name: index for index, name in enumerate(DIRECTIONS)}


def _returns(candles: Candles) -> Floats:
    return np.diff(np.log(candles["c"]), prepend=np.log(candles["c"][:1]))


def _hours(candles: Candles) -> NDArray[np.int64]:
    hours: NDArray[np.int64] = candles["t"] // HOUR_MS % HOURS
    return hours


def fit_profile(candles: Candles, train: NDArray[np.bool_]) -> Profile:
    """Measure a series' usual returns by hour on its training candles."""
    size, hours = np.abs(_returns(candles))[train], _hours(candles)[train]
    count = np.bincount(hours, minlength=HOURS)
    mean = np.bincount(hours, size, minlength=HOURS) / np.maximum(count, 1)
    usual = size.mean()
    return np.where((count >= HOUR_CANDLES_MIN) & (mean > 0) & (usual > 0), mean / (usual or 1.0), 1.0)


def standardised_moves(candles: Candles, profile: Profile, horizon: int) -> Floats:
    """(N,) z of each candle; NaN for the last ``horizon``, 0 for no move, infinite for one from flatness."""
    factor = profile[_hours(candles)]
    volatility = np.sqrt(exponential((_returns(candles) / factor) ** 2, VOLATILITY_WEIGHT))
    z = np.full(len(candles), np.nan)
    if len(candles) <= horizon:
        return z
    squares = np.concatenate([[0.0], np.cumsum(factor**2)])  # of hour factors up to each candle
    ahead = np.sqrt(squares[1 + horizon :] - squares[1:-horizon])  # (N - horizon,)
    close = np.log(candles["c"])
    move, scale = close[horizon:] - close[:-horizon], volatility[:-horizon] * ahead
    with np.errstate(divide="ignore", invalid="ignore"):
        z[:-horizon] = np.where(move == 0, 0.0, move / scale)
    return z


@dataclass(frozen=True)
class DirectionCutoff:
    """What counts as no move."""

    neutral: float  # |z| up to here

    @classmethod
    def fit(cls, z: Floats) -> "DirectionCutoff":
        """Take the third of these (training) candles that moved least."""
        return cls(float(np.quantile(np.abs(z), NEUTRAL_QUANTILE)))

    def direction(self, z: Floats) -> NDArray[np.int8]:
        """(N,) index into ``DIRECTIONS``; -1 where the future is not known."""
        side = np.where(z > 0, _CLASS["up"], _CLASS["down"])
        moved = np.where(np.abs(z) <= self.neutral, _CLASS["neutral"], side)
        return np.where(np.isnan(z), -1, moved).astype(np.int8)
