"""Which series see one market at the same dates: those must share the borders of their splits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.contracts import Series
from shared.errors import TrainingError
from shared.settings.learning import DataSettings
from trainer.splits import Splits, split_group


def same_market(one: str, other: str) -> bool:
    """Tell whether two symbols name one instrument, whatever a broker hangs onto it (EURUSD, EUR/USD, EURUSDm)."""
    first, second = sorted(("".join(filter(str.isalnum, symbol)).upper() for symbol in (one, other)), key=len)
    return bool(first) and second.startswith(first)


def market_groups(series: Sequence[Series], times: Sequence[NDArray[np.int64]]) -> list[list[int]]:
    """Gather series of one market whose dates overlap, directly or through another one.

    Parameters
    ----------
    times
        (N_i,) open times of each series, UTC epoch ms, ascending.

    Returns
    -------
    Indices of the series of each group, every one in exactly one.
    """
    groups: list[list[int]] = []
    for index in range(len(series)):
        joined = [
            group
            for group in groups
            if any(
                same_market(series[index].symbol, series[one].symbol) and overlap(times[index], times[one])
                for one in group
            )
        ]
        groups = [group for group in groups if group not in joined]
        groups.append(sorted([index, *(one for group in joined for one in group)]))
    return sorted(groups)


def overlap(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Tell whether the dates of two series overlap."""
    return bool(one[0] <= other[-1] and other[0] <= one[-1])


def split_by_market(
    series: Sequence[Series], times: Sequence[NDArray[np.int64]], lookback: int, horizon: int, settings: DataSettings
) -> list[Splits]:
    """Cut every series by date; those of one market at the same dates.

    Raises
    ------
    TrainingError
        Series of one market for which there are no such dates.
    """
    found: dict[int, Splits] = {}
    for group in market_groups(series, times):
        splits = split_group([times[index] for index in group], lookback, horizon, settings)
        if splits is None:
            keys = ", ".join(series[index].key for index in group)
            rule = "see one market at the same time, and no dates leave each of them enough candles in every split"
            raise TrainingError("csv", keys, rule, "leave one out, or cut the files so that they do not overlap")
        found |= dict(zip(group, splits, strict=True))
    return [found[index] for index in range(len(series))]


def shared_dates(
    series: Sequence[Series], times: Sequence[NDArray[np.int64]], splits: Sequence[Splits]
) -> tuple[str, ...]:
    """Say where one market is learned from at dates on which another one is tested, a sentence a market tested."""
    notes = []
    for one, at, cut in zip(series, times, splits, strict=True):
        others = [
            other.key
            for other, theirs, their_cut in zip(series, times, splits, strict=True)
            if theirs[their_cut.train.start] <= at[-1] and theirs[their_cut.train.stop - 1] >= at[cut.test.start]
        ]
        if others:
            notes.append(f"{one.key} is tested on dates from which {', '.join(others)} is learned")
    return tuple(notes)
