"""Training, validation and test candles of a series: by date, and far enough apart to share nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contracts import WINDOW
from shared.settings.groups import DataSettings

TARGETS_MIN = 200  # candles in each split; fewer and a figure measured on it says nothing


@dataclass(frozen=True)
class Span:
    """Candles ``start`` to ``stop - 1`` of a series."""

    start: int
    stop: int

    def __len__(self) -> int:
        return max(0, self.stop - self.start)

    def mask(self, length: int) -> NDArray[np.bool_]:
        """(length,) True inside."""
        index = np.arange(length)
        return (index >= self.start) & (index < self.stop)


@dataclass(frozen=True)
class Splits:
    """Candles that are targets of each split."""

    train: Span
    validation: Span
    test: Span


def split_candles(count: int, lookback: int, horizon: int, settings: DataSettings) -> Splits:
    """Cut ``count`` candles by date.

    The first targets are those whose 96 rows are all warm. The end of training and of validation is purged by
    96 + ``horizon`` + ``lookback`` candles: no row or label of one split touches a candle of the next.
    """
    warm, purge = lookback + WINDOW - 2, WINDOW + horizon + lookback
    first = round(count * settings.train_share)
    second = round(count * (settings.train_share + settings.validation_share))
    return Splits(Span(warm, first - purge), Span(max(warm, first), second - purge), Span(max(warm, second), count))


def fewest_candles(lookback: int, horizon: int, settings: DataSettings) -> int:
    """Count the candles a series must have for every split to hold ``TARGETS_MIN`` targets."""
    purge = WINDOW + horizon + lookback
    test_share = 1 - settings.train_share - settings.validation_share
    needed = (
        (lookback + WINDOW - 2 + purge + TARGETS_MIN) / settings.train_share,
        (purge + TARGETS_MIN) / settings.validation_share,
        (horizon + TARGETS_MIN) / test_share,
    )
    return int(np.ceil(max(needed))) + 1
