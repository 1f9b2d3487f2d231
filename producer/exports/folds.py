"""Stamps that a local clock shows twice, or never, when it is put back or forward."""

import numpy as np
from numpy.typing import NDArray

from producer.exports.faults import Fault
from producer.zones import Readings

Int64s = NDArray[np.int64]


def undecided_tail(readings: Readings, width_ms: int) -> int:
    """How many rows at the end are of a repeated hour whose second pass may still come."""
    twice = _shown_twice(readings, width_ms)
    others = np.flatnonzero(~twice)
    return len(twice) - (int(others[-1]) + 1 if others.size else 0)


def settle(local_ms: Int64s, readings: Readings, width_ms: int) -> tuple[Int64s, NDArray[np.uint8]]:
    """UTC of stamps in ascending files, whole repeated hours together.

    A repeated hour is told apart by order: where the stamps run back once, its second pass begins. Candles wider than
    the repetition open with its first pass, and with the first instant after a skipped hour.

    Returns
    -------
    tuple
        (N,) UTC ms, and (N,) faults: ``AMBIGUOUS``, ``NONEXISTENT`` or 0.
    """
    overlap = readings.later - readings.earlier
    utc = np.where(readings.skipped, readings.later, readings.earlier)
    faults = np.zeros(len(utc), np.uint8)
    faults[readings.skipped & (overlap >= width_ms)] = Fault.NONEXISTENT
    twice = np.flatnonzero(_shown_twice(readings, width_ms))
    if twice.size:
        apart = (np.diff(twice) > 1) | (np.abs(np.diff(local_ms[twice])) >= overlap[twice[1:]])
        for stretch in np.split(twice, np.flatnonzero(apart) + 1):
            second = _second_pass(local_ms[stretch], bool(overlap[stretch[0]] == width_ms))
            if second is None:
                faults[stretch] = Fault.AMBIGUOUS
            else:
                utc[stretch[second:]] = readings.later[stretch[second:]]
    return utc, faults


def _shown_twice(readings: Readings, width_ms: int) -> NDArray[np.bool_]:
    """Stamps that two candles have, because the repetition is at least a candle long."""
    return (readings.later - readings.earlier >= width_ms) & ~readings.skipped


def _second_pass(local_ms: Int64s, one_candle: bool) -> int | None:
    """Where the second pass begins; None where the stamps do not run back exactly once."""
    steps = np.diff(local_ms)
    back = np.flatnonzero(steps <= 0)
    if back.size != 1 or (steps[back[0]] == 0 and not one_candle):
        return None
    return int(back[0]) + 1
