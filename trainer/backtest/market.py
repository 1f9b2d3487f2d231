"""A series as an account meets it: prices, what a fill costs, and the range that distances are measured in."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shared.contracts import Candles
from shared.errors import InputError

Floats = NDArray[np.float64]

OPEN, HIGH, LOW, CLOSE, SPREAD, SLIPPAGE, RANGE = range(7)
"""Columns of ``Market.table``."""

RANGE_CANDLES = 14  # MetaTrader's iATR(14): the plain mean of that many true ranges
DIGITS_MAX = 8  # decimals of a price; what has more was computed, not quoted
BPS = 1e-4  # a basis point, 1/10,000 of the price


@dataclass(frozen=True)
class Charge:
    """A cost of one fill: ``price`` in the price's own unit, plus ``share`` of the price."""

    price: float = 0.0
    share: float = 0.0

    @classmethod
    def parse(cls, field: str, text: str) -> "Charge":
        """Read ``0.00012`` (price), ``1.2bps`` or ``0.01%``.

        Raises
        ------
        InputError
            It is none of these, negative, or 100 % and more.
        """
        units = {"bps": BPS, "%": 0.01}
        unit = next((unit for unit in units if text.endswith(unit)), "")
        try:
            value = float(text.removesuffix(unit))
        except ValueError:
            value = -1.0
        if not 0 <= value < (1 / units[unit] if unit else np.inf):
            raise InputError(field, text, "is no cost", "write a price such as 0.00012, or 1.2bps, or 0.01%")
        return cls(share=value * units[unit]) if unit else cls(price=value)

    def of(self, prices: Floats) -> Floats:
        """(N,) the charge at each of N prices, in price."""
        return self.price + self.share * prices


@dataclass(frozen=True)
class Market:
    """Candles and costs of one series. Prices are the bid, as MetaTrader's are; ask = bid + spread.

    Attributes
    ----------
    times
        (N,) open time, UTC epoch ms.
    table
        (N, 7) float64, columns ``OPEN`` ... ``RANGE``. ``SPREAD`` is ask - bid all through the candle, ``SLIPPAGE``
        what each market fill is worse by, ``RANGE`` the mean true range of the 14 candles up to this one; all
        in price.
    commission
        Share of the equity that each side of a trade costs.
    scale
        Ticks of the price in one: stops and takes lie on that grid, as a broker takes them. 0: anywhere.
    """

    times: NDArray[np.int64]
    table: Floats
    commission: float
    scale: float = 0.0

    @classmethod
    def of(
        cls,
        candles: Candles,
        spread: Floats,
        slippage: Charge = Charge(),
        commission: float = 0.0,
        scale: float = 0.0,
    ) -> "Market":
        """Of candles (N,) and their spread (N,), in price."""
        table = np.empty((len(candles), 7))
        for column, name in enumerate("ohlc"):
            table[:, column] = candles[name]
        table[:, SPREAD] = spread
        table[:, SLIPPAGE] = slippage.of(table[:, OPEN])
        table[:, RANGE] = mean_true_range(candles)
        return cls(candles["t"].astype(np.int64), table, commission, scale)

    def __len__(self) -> int:
        return len(self.times)

    def costing(self, times: float) -> "Market":
        """The same candles with every cost multiplied."""
        table = self.table.copy()
        table[:, [SPREAD, SLIPPAGE]] *= times
        return replace(self, table=table, commission=self.commission * times)

    def cut(self, start: int, stop: int) -> "Market":
        """Candles ``start`` to ``stop - 1``."""
        return replace(self, times=self.times[start:stop], table=self.table[start:stop])

    def round_trip(self) -> Floats:
        """(N,) what buying and selling again at the open of each candle costs, in price."""
        table = self.table
        return np.asarray(table[:, SPREAD] + 2 * table[:, SLIPPAGE] + 2 * self.commission * table[:, OPEN])


def price_scale(candles: Candles) -> float:
    """Ticks in one of the coarsest decimal grid that all prices of candles lie on; 0 where there is none."""
    prices = np.concatenate([candles[name] for name in "ohlc"])
    for digits in range(DIGITS_MAX + 1):
        scale = 10.0**digits
        if (np.rint(prices * scale) / scale == prices).all():
            return scale
    return 0.0


def mean_true_range(candles: Candles) -> Floats:
    """(N,) mean of the newest 14 true ranges, fewer at the start; each candle's sum is its own, nothing drifts."""
    close = candles["c"]
    last = np.concatenate([close[:1], close[:-1]])
    ranges = np.maximum(candles["h"], last) - np.minimum(candles["l"], last)
    padded = np.concatenate([np.zeros(RANGE_CANDLES - 1), ranges])
    sums = np.lib.stride_tricks.sliding_window_view(padded, RANGE_CANDLES).sum(1)
    return np.asarray(sums / np.minimum(np.arange(1, len(candles) + 1), RANGE_CANDLES))
