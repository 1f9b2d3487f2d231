"""The grid of a timeframe: inferred from the steps between stamps, or checked against them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.errors import FormatError
from shared.timeframe import TIMEFRAMES_S, timeframe_ms, timeframe_name

_HOUR_MS = 3_600_000
_FEW_STEPS = 3
_MANY_STEPS = 30
_MONTH_MS = 28 * 86_400_000
_USUAL = 0.5  # of the steps, where few candles are missing
_ON_GRID = 0.98

Int64s = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Where candles may open, on the source's own clock.

    ``phases`` are offsets of the opens from multiples of ``width_ms``: 0 nearly always; not so for half-hour sessions,
    for weeks, and for days that open at a broker's evening.
    """

    timeframe: str
    width_ms: int
    phases: tuple[int, ...]
    told: bool = False  # by the user, or by the file itself

    def holds(self, local_ms: Int64s) -> NDArray[np.bool_]:
        """Which stamps (N,) lie on the grid."""
        return np.isin(local_ms % self.width_ms, self.phases)


def grid_of(times: Int64s, timeframe: str | None) -> Grid:
    """Grid of a sample's stamps (N,), local ms in file order.

    Raises
    ------
    FormatError
        The stamps contradict ``timeframe``, or do not tell one.
    """
    steps = np.diff(times)
    steps = steps[steps != 0]
    back = int((steps < 0).sum())
    if steps.size > _MANY_STEPS and 0.25 * steps.size < back < 0.75 * steps.size:
        raise FormatError(
            "time", f"back in {back} of {steps.size} steps", "does not run one way: the rows are in no order",
            "sort the file by time",
        )  # fmt: skip
    steps = np.abs(steps)
    name = timeframe or _infer(steps, times)
    width_ms = timeframe_ms(name)
    if timeframe is not None:
        _check(steps, timeframe, width_ms)
    return Grid(name, width_ms, phases_of(times, width_ms), told=timeframe is not None)


def _infer(steps: Int64s, times: Int64s) -> str:
    if not steps.size:
        raise FormatError("timeframe", None, "cannot be told from stamps without a step", "give --timeframe")
    widths, counts = np.unique(steps, return_counts=True)
    common = int(widths[counts.argmax()])
    name = timeframe_name(common)
    if name is None or counts.max() < _USUAL * steps.size:
        name = _of_thin_market(times, steps, common) or name
    if name is None:
        what = "months have no fixed width" if common >= _MONTH_MS else f"no timeframe is {common / 1000:g} s wide"
        raise FormatError(
            "timeframe", f"{common / 1000:g} s", f"is the most common step, and {what}",
            f"give --timeframe, one of {', '.join(TIMEFRAMES_S)}",
        )  # fmt: skip
    return name


def _of_thin_market(times: Int64s, steps: Int64s, common_ms: int) -> str | None:
    """Where most candles are missing, the most common step may be a multiple of the width: the widest that fits."""
    if common_ms >= _MONTH_MS:
        return None
    for name, width_s in sorted(TIMEFRAMES_S.items(), key=lambda item: -item[1]):
        width_ms = width_s * 1000
        if width_ms > common_ms or (steps == width_ms).sum() < max(_FEW_STEPS, 0.01 * steps.size):
            continue
        phases = phases_of(times, width_ms)
        if len(phases) * _HOUR_MS >= width_ms > _HOUR_MS:  # of two or three hours: every full hour would be one's
            phases = phases[:1]
        if Grid(name, width_ms, phases).holds(times).mean() >= _ON_GRID:
            return name
    return None


def _check(steps: Int64s, timeframe: str, width_ms: int) -> None:
    """The step of the timeframe must occur, and hardly any shorter one."""
    if steps.size < _FEW_STEPS:
        return
    equal, shorter = int((steps == width_ms).sum()), int((steps < width_ms).sum())
    if equal < 0.01 * steps.size or shorter > 0.1 * steps.size:
        widths, counts = np.unique(steps, return_counts=True)
        common = int(widths[counts.argmax()])
        found = timeframe_name(common) or f"{common / 60_000:g} min"
        raise FormatError(
            "timeframe", timeframe, f"is contradicted by the data, whose most common step is {found}",
            f"give --timeframe {found}" if timeframe_name(common) else "leave --timeframe out",
        )  # fmt: skip


def phases_of(times: Int64s, width_ms: int) -> tuple[int, ...]:
    """Phases of the sample, the most common first.

    Up to an hour there is one. Wider candles may open at two: a broker's day begins an hour earlier in summer where the
    stamps are in UTC.
    """
    phases, counts = np.unique(times % width_ms, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    first = int(phases[order[0]])
    if width_ms <= _HOUR_MS:
        return (first,)
    known = [first]
    for index in order[1:]:
        distance = (int(phases[index]) - first) % width_ms
        if counts[index] > 0.1 * len(times) and distance in (_HOUR_MS, width_ms - _HOUR_MS):
            known.append(int(phases[index]))
    return tuple(known)
