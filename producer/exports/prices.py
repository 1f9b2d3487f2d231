"""Which columns are open, high, low and close: checked where a header names them, found where none does."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.errors import FormatError

_SHARE = 0.98
"""Least part of a sample's rows that must obey the rules of a candle."""

_SURE = 3.0
"""Standard deviations by which a count of rows must differ from chance."""

_LIKELY = 2.0
"""The same, where the columns stand in the usual order."""

_TOLD = 9
"""Rows below which nothing is counted."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PriceColumns:
    """Columns of the four prices."""

    open: int
    high: int
    low: int
    close: int

    @property
    def columns(self) -> tuple[int, int, int, int]:
        """In the order open, high, low, close."""
        return self.open, self.high, self.low, self.close


def obeying(prices: Floats) -> float:
    """Part of the rows (R, 4: open, high, low, close) that obey the rules of a candle."""
    o, h, low, c = prices.T
    with np.errstate(invalid="ignore"):
        good = (low <= np.minimum(o, c)) & (h >= np.maximum(o, c)) & (low > 0)
    return float(good.mean()) if good.size else 0.0


def check_named(prices: Floats, names: tuple[str, ...]) -> None:
    """Refuse a header whose names the numbers contradict.

    Raises
    ------
    FormatError
        Less than nine rows in ten obey the rules.
    """
    if obeying(prices) < 0.9:
        raise FormatError(
            "header", names, "names open, high, low and close, but their numbers are no candles",
            "settle the columns with --columns, e.g. time,open,high,low,close,volume (- for one to pass over)",
        )  # fmt: skip


def find_prices(numbers: Floats, candidates: list[int], times: NDArray[np.int64]) -> PriceColumns:
    """Find the prices among unnamed columns.

    Four neighbours are taken that obey the rules of a candle: the highest of each row is high, the lowest low; of the
    other two, open is the one that begins where the last close ended. Of overlapping neighbours that obey (a previous
    close before, an average after the prices) those in the usual order are taken; of ones apart
    (bid and ask) the first.

    Parameters
    ----------
    numbers
        (R, C) all columns of the sample as numbers, NaN for text.
    candidates
        Columns that can be prices, ascending.
    times
        (R,) local ms of the rows.

    Raises
    ------
    FormatError
        No four neighbours obey, or open and close cannot be told apart.
    """
    windows = [candidates[at : at + 4] for at in range(len(candidates) - 3)]
    windows = [four for four in windows if four[3] - four[0] == 3 and _obeys(numbers[:, four])]
    rivals = [four for four in windows if four[0] - windows[0][0] < 4]
    usual = [four for four in rivals if _is_usual(numbers[:, four])]
    gaps = [_gap(numbers[:, four], times) for four in rivals]
    if len(rivals) == 1 or (len(usual) == 1 and gaps[rivals.index(usual[0])] <= min(gaps)):
        found = _in_window(numbers, (usual or rivals)[0], times)
        if len(rivals) == 1 or not _opens_outside(numbers[:, found.columns], times):
            return found
    if rivals:
        raise FormatError(
            "columns", [[column + 1 for column in four] for four in rivals], "could each be the four prices",
            "settle the columns with --columns, e.g. time,open,high,low,close,volume (- for one to pass over)",
        )  # fmt: skip
    raise FormatError(
        "columns", [column + 1 for column in candidates], "hold no four neighbours that are candle prices",
        "settle the columns with --columns, e.g. time,open,high,low,close,volume (- for one to pass over)",
    )  # fmt: skip


def _obeys(window: Floats) -> bool:
    """Whether one column is the highest, another the lowest of nearly every row; or all rows are flat.

    Prices of one candle are of one size; a volume beside them is not.
    """
    if np.mean(window.max(axis=1) < 3 * window.min(axis=1)) < _SHARE:
        return False
    highest, lowest = _extremes(window)
    ordered = len(highest) == 1 and len(lowest) == 1 and bool(np.mean(window.min(axis=1) > 0) >= _SHARE)
    return ordered or (obeying(window) >= _SHARE and _is_flat(window))


def _extremes(window: Floats) -> tuple[list[int], list[int]]:
    highest = [k for k in range(4) if np.mean(window[:, k] >= window.max(axis=1)) >= _SHARE]
    lowest = [k for k in range(4) if np.mean(window[:, k] <= window.min(axis=1)) >= _SHARE]
    return highest, lowest


def _opens_outside(prices: Floats, times: NDArray[np.int64]) -> bool:
    """Whether opens are the closes before them, and not all within their candles: then they are no opens."""
    o, _, _, c = prices[np.argsort(times, kind="stable")].T
    return bool(np.mean(o[1:] == c[:-1]) > 0.9 and obeying(prices) < 1)


def _gap(window: Floats, times: NDArray[np.int64]) -> float:
    """How far apart one candle's close and the next one's open are in the middle, in the better of the two readings."""
    highest, lowest = _extremes(window)
    if len(highest) != 1 or len(lowest) != 1:
        return 0.0
    left, right = (k for k in range(4) if k not in (highest[0], lowest[0]))
    return min(_gaps(window[:, left], window[:, right], times))


def _gaps(a: Floats, b: Floats, times: NDArray[np.int64]) -> tuple[float, float]:
    """Middle distances from ``b`` to the next ``a``, and from ``a`` to the next ``b``."""
    order = np.argsort(times, kind="stable")
    a, b = a[order], b[order]
    with np.errstate(invalid="ignore"):
        return middle(np.abs(a[1:] - b[:-1])), middle(np.abs(b[1:] - a[:-1]))


def middle(values: Floats) -> float:
    """Median of those values that are finite; 0 where none is."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


def _is_usual(window: Floats) -> bool:
    return obeying(window) >= _SHARE


def _in_window(numbers: Floats, four: list[int], times: NDArray[np.int64]) -> PriceColumns:
    window = numbers[:, four]
    if obeying(window) >= _SHARE and _is_flat(window):
        return PriceColumns(*four)  # no row tells the columns apart: the usual order
    highest, lowest = _extremes(window)
    left, right = (four[k] for k in range(4) if k not in (highest[0], lowest[0]))
    high, low = four[highest[0]], four[lowest[0]]
    opening, lead = _opening(numbers, left, right, times)
    usual = (high, low) == (four[1], four[2])
    if opening is None and not (usual and lead >= _LIKELY):
        raise FormatError(
            "columns", [left + 1, right + 1], "are open and close, in an order that the prices do not tell",
            "settle the columns with --columns, e.g. time,open,high,low,close,volume",
        )  # fmt: skip
    if opening is None or opening == left:
        return PriceColumns(left, high, low, right)
    return PriceColumns(right, high, low, left)


def _is_flat(window: Floats) -> bool:
    return len(window) < 3 or bool(np.mean(window.max(axis=1) == window.min(axis=1)) > 0.9)


def _opening(numbers: Floats, left: int, right: int, times: NDArray[np.int64]) -> tuple[int | None, float]:
    """Of two columns the one that begins a candle where the other ended the last; None where neither clearly does.

    Also the lead of ``left`` in standard deviations; infinite where too few rows tell the columns apart.
    """
    order = np.argsort(times, kind="stable")
    a, b = numbers[order, left], numbers[order, right]
    with np.errstate(invalid="ignore"):
        a_gaps, b_gaps = np.abs(a[1:] - b[:-1]), np.abs(b[1:] - a[:-1])
        told = a_gaps != b_gaps
        told &= np.isfinite(a_gaps) & np.isfinite(b_gaps)
    rows = int(told.sum())
    if rows < _TOLD:
        return None, np.inf
    a_gaps, b_gaps = a_gaps[told], b_gaps[told]
    lead = float((2 * (a_gaps < b_gaps).sum() - rows) / np.sqrt(rows))
    nearer, farther = sorted((middle(a_gaps), middle(b_gaps)))
    if farther < 1.3 * nearer or abs(lead) < _SURE or (lead > 0) != (middle(a_gaps) < middle(b_gaps)):
        return None, lead  # as likely as chance
    return (left if lead > 0 else right), lead
