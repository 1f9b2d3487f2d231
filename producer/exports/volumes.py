"""Which column of an export is the volume: by its name, else by its numbers."""

import numpy as np
from numpy.typing import NDArray

from producer.exports import header
from producer.exports.options import ReadOptions
from producer.exports.prices import PriceColumns, middle

Floats = NDArray[np.float64]


def volume_column(
    numbers: Floats, names: tuple[str, ...], others: set[int], prices: PriceColumns, options: ReadOptions
) -> int | None:
    """Column of the volume of a sample's ``numbers`` (R, columns), or None.

    Tick volume where it is ever above zero, else real volume; without names, the column after the prices. ``others``
    are columns that are known to be something else.
    """
    if options.columns is not None:
        return options.columns.index("volume") if "volume" in options.columns else None
    named = [k for k in (*header.find_volume(names), *header.find(names, "real_volume")) if k not in others]
    named = [k for k in named if not _says_none(numbers, k)]
    if named:
        traded = [k for k in named if np.nan_to_num(numbers[:, k]).any()] or named
        return next((k for k in traded if not _is_turnover(numbers, k, traded, prices)), traded[0])
    after = max(prices.columns) + 1
    if header.is_header([*names]):
        return None
    free = [k for k in range(after, min(after + 2, len(names))) if k not in others]
    able = [k for k in free if _can_be_volume(numbers, k, prices)]
    if not able:  # time, volume, prices
        before = [k for k in range(min(prices.columns)) if k not in others]
        able = [k for k in before if _can_be_volume(numbers, k, prices) and _varies(numbers[:, k])]
    able = [k for k in able if not _is_turnover(numbers, k, able, prices)] or able
    return next((k for k in able if not _is_running_total(numbers[:, k])), able[0] if able else None)


def _says_none(numbers: Floats, column: int) -> bool:
    """Whether a volume is -1 throughout, as Interactive Brokers tells that quotes have none."""
    values = numbers[:, column]
    return bool((values[np.isfinite(values)] == -1).all() and np.isfinite(values).any())


def _is_turnover(numbers: Floats, column: int, rivals: list[int], prices: PriceColumns) -> bool:
    """Whether a column is another one times the price: a volume in the quote currency."""
    typical = numbers[:, prices.columns].mean(axis=1)
    for rival in rivals:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = numbers[:, column] / numbers[:, rival] / typical
        ratio = ratio[np.isfinite(ratio)]
        if rival != column and ratio.size and np.mean(np.abs(ratio - 1) < 0.02) > 0.9:
            return True
    return False


def volume_notes(numbers: Floats, names: tuple[str, ...], others: set[int], volume: int | None) -> list[str]:
    """A note where a named file has no volume that is known, but columns that may be it."""
    if volume is not None or not any(names):
        return []
    left = [
        names[k]
        for k in range(len(names))
        if k not in others and names[k] and np.nan_to_num(numbers[:, k]).any() and not _says_none(numbers, k)
    ]
    return [f"none of the columns {', '.join(left)} is known as volume (name it with --columns)"] if left else []


def _can_be_volume(numbers: Floats, column: int, prices: PriceColumns) -> bool:
    """Whether a nameless column is of positive numbers and no price (an adjusted close keeps near the close)."""
    values = numbers[:, column]
    if not np.mean(values >= 0) > 0.9:
        return False
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values / numbers[:, prices.close]
        usual = middle(ratio)
        return not (middle(np.abs(ratio - usual)) < 0.2 and 0.3 < usual < 3)


def _varies(values: Floats) -> bool:
    """Whether numbers change from row to row and are no count of rows: not an ID, not the width of a candle."""
    steps = np.diff(values[np.isfinite(values)])
    return steps.size > 0 and bool((steps != 0).mean() > 0.5) and not _is_running_total(values)


def _is_running_total(values: Floats) -> bool:
    """Whether numbers only grow, but for the start of a day: the volume of the day so far, oldest or newest first."""
    steps = np.diff(values[np.isfinite(values)])
    return steps.size > 20 and bool(max((steps > 0).mean(), (steps < 0).mean()) > 0.85)
