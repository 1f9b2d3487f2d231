"""Training, validation and test candles of a series: by date, and far enough apart to share nothing.

Dates are shared by series of one market.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contracts import WINDOW
from shared.settings.learning import DataSettings

TARGETS_MIN = 200  # candles in each split; fewer and a figure measured on it says nothing
BORDERS_TRIED = 101  # dates, a hundredth of the candles apart, when several series must share them


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
    """Cut ``count`` candles of one series by date, as ``split_group`` does."""
    first = round(count * settings.train_share)
    second = round(count * (settings.train_share + settings.validation_share))
    return _cut(count, first, second, lookback, horizon)


def split_group(
    times: Sequence[NDArray[np.int64]], lookback: int, horizon: int, settings: DataSettings
) -> list[Splits] | None:
    """Cut series that see the same market at the same dates, so that none learns what another is tested on.

    The first targets are those whose 96 rows are all warm. The end of training and of validation is purged by
    96 + ``horizon`` + ``lookback`` candles of the series that reaches back furthest: no row or label of one split
    touches a candle of the next, be it of another series of the group.

    Parameters
    ----------
    times
        (N_i,) open times of each series, UTC epoch ms, ascending.

    Returns
    -------
    A split each; borders are those dates at which the series have, on average, the shares of the settings behind
    them, or, where that leaves one of them less than ``TARGETS_MIN`` targets in a split, the nearest that do not. None
    where there are no such dates.
    """
    if len(times) == 1:
        return [split_candles(len(times[0]), lookback, horizon, settings)]
    moments = np.sort(np.concatenate(times))
    places = np.linspace(0, len(moments) - 1, BORDERS_TRIED).astype(np.int64)
    borders = moments[places]
    behind = np.mean([np.searchsorted(one, borders) / len(one) for one in times], axis=0)
    wanted = settings.train_share, settings.train_share + settings.validation_share
    pairs = [(one, two) for one in range(len(borders)) for two in range(one + 1, len(borders))]
    pairs.sort(key=lambda pair: abs(behind[pair[0]] - wanted[0]) + abs(behind[pair[1]] - wanted[1]))
    for one, two in pairs:
        found = _cut_at(times, int(borders[one]), int(borders[two]), lookback, horizon)
        if all(min(len(part.train), len(part.validation), len(part.test) - horizon) >= TARGETS_MIN for part in found):
            return found
    return None


def _cut_at(times: Sequence[NDArray[np.int64]], first: int, second: int, lookback: int, horizon: int) -> list[Splits]:
    """Cut at two dates, and purge every series back to the earliest date that one of them must be purged to."""
    found = [
        _cut(len(one), int(np.searchsorted(one, first)), int(np.searchsorted(one, second)), lookback, horizon)
        for one in times
    ]
    train_end, validation_end = (
        min(int(one[max(getattr(part, name).stop, 0)]) for one, part in zip(times, found, strict=True))
        for name in ("train", "validation")
    )
    return [
        Splits(
            Span(part.train.start, int(np.searchsorted(one, train_end))),
            Span(part.validation.start, int(np.searchsorted(one, validation_end))),
            part.test,
        )
        for one, part in zip(times, found, strict=True)
    ]


def _cut(count: int, first: int, second: int, lookback: int, horizon: int) -> Splits:
    warm, purge = lookback + WINDOW - 2, WINDOW + horizon + lookback
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
