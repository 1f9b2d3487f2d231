"""Which series see one market at the same dates: those must share the borders of their splits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.contracts import Series


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
