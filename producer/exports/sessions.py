"""Which end of a candle stamps tell, from when sessions begin and end."""

import numpy as np

from producer.exports.stamps import Int64s

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_WIDEST_MS = 1_200_000
_CLOSING_MS = range(12 * _HOUR_MS, 21 * _HOUR_MS)  # local times at which trading days end, and hardly one begins
_SHARE = 0.7  # a sample of three stretches holds up to two pauses that are none


def sessions_tell_closes(times: Int64s) -> bool:
    """Whether a sample's stamps (N,), local ms, are closes by the look of their sessions.

    Markets open and close on quarters and halves of an hour. Where after nearly every pause of an hour or more the
    first stamp is one candle after a quarter, and the last before it on a half, stamps are closes (09:31 to 16:00;
    opens run from 09:30 to 15:59). Candles of 20 minutes and more do not tell.
    """
    order = np.unique(times)
    steps = np.diff(order)
    if not steps.size:
        return False
    widths, counts = np.unique(steps, return_counts=True)
    width_ms = int(widths[counts.argmax()])
    if width_ms >= _WIDEST_MS or (_HOUR_MS // 2) % width_ms:
        return False
    opening_ms = _HOUR_MS // 4 if width_ms < _HOUR_MS // 4 and (_HOUR_MS // 4) % width_ms == 0 else _HOUR_MS // 2
    at = np.flatnonzero(steps >= max(_HOUR_MS, 4 * width_ms))
    first, last = order[at + 1], order[at]
    closes = ((first - width_ms) % opening_ms == 0) & (first % opening_ms != 0) & (last % (_HOUR_MS // 2) == 0)
    return bool(at.size) and float(closes.mean()) >= _SHARE


def days_tell_closes(times: Int64s) -> bool:
    """Whether a sample's stamps (N,), local ms, are of trading days nearly all at one hour of the afternoon."""
    order = np.unique(times)
    if order.size < 3 or np.median(np.diff(order)) < _DAY_MS:
        return False
    hours, counts = np.unique(order % _DAY_MS, return_counts=True)
    return int(hours[counts.argmax()]) in _CLOSING_MS and counts.max() >= _SHARE * order.size
