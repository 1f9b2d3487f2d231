"""The calendar that a series' own first weeks show: which candles of the week it usually has."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.steps import whole_candles_between

LEARNED = "learned"
LEARNING_WEEKS = 8
WEEK_MS = 604_800_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_MONDAY_MS = 345_600_000  # 1970-01-05
_USUAL = 0.75
"""Part of the weeks in which a candle must be there to be expected: two holidays may fall on one day of the week."""
_BUSY = 0.9
"""Part of all candles that stand in such usual places, unless the market often rests."""
_BORNE = (0.01, 2)
"""GAPs that its own weeks may show under a calendar: a part of the candles, and at least so many holidays."""

Int64s = NDArray[np.int64]
Weeks = NDArray[np.bool_]  # (8, S): whether the s-th candle of a week, counted from the first of all, was there


class FirstWeeks:
    """Which candles there were in a series' first eight weeks; the same whatever comes twice, or in which pieces.

    ``shared/scripts/admission.lua`` keeps the same bits in the broker.
    """

    def __init__(self, width_ms: int) -> None:
        self._width_ms = width_ms
        self._seen = np.zeros(LEARNING_WEEKS * (WEEK_MS // width_ms), np.bool_)
        self.first_t: int | None = None

    def add(self, t: Int64s) -> None:
        """Count candles (N,) by open time, UTC ms; the first ever is the series' first."""
        if not t.size:
            return
        self.first_t = int(t[0]) if self.first_t is None else self.first_t
        slots = (t - self.first_t + self._width_ms // 2) // self._width_ms
        self._seen[slots[(slots >= 0) & (slots < self._seen.size)]] = True

    @property
    def fixed_t(self) -> int:
        """Where they end, UTC ms."""
        return (self.first_t or 0) + LEARNING_WEEKS * WEEK_MS

    def calendar(self) -> "LearnedCalendar":
        """What they show so far."""
        return LearnedCalendar(self.first_t or 0, self._seen.reshape(LEARNING_WEEKS, -1), self._width_ms)


@dataclass(frozen=True)
class Stretch:
    """A part of the week in which candles are expected: ms since Monday 00:00 UTC; it may run over the week's end."""

    begin_ms: int
    end_ms: int


class LearnedCalendar:
    """A candle belongs to it when three quarters of the first eight weeks had it; before their end nothing does.

    What is missing within an hour (one candle, where it is wider) of the market's closing or opening is no gap:
    daylight saving moves both, not always together. Where candles are often missing because nobody traded,
    ``patience`` of them are no gap: as many as leave at most 1 % of GAPs in the first weeks when each is asked about
    by the others.

    Parameters
    ----------
    first_t
        Open time of the series' first candle, UTC ms.
    weeks
        (8, S) which candles there were.
    """

    def __init__(self, first_t: int, weeks: Weeks, width_ms: int) -> None:
        self.first_t, self.fixed_t = first_t, first_t + LEARNING_WEEKS * WEEK_MS
        self._width_ms = width_ms
        self.weeks_seen = int(weeks.any(axis=1).sum())
        self._expected = _usual(weeks)
        self._before = self._counts(self._expected)
        self.patience = self._learn_patience(weeks)

    @classmethod
    def from_bits(cls, first_t: int, bits: bytes, width_ms: int) -> "LearnedCalendar":
        """Of the broker's bitmap, which ends with the last bit that is set."""
        size = LEARNING_WEEKS * (WEEK_MS // width_ms)
        seen = np.unpackbits(np.frombuffer(bits, np.uint8), count=size).astype(np.bool_)
        return cls(first_t, seen.reshape(LEARNING_WEEKS, -1), width_ms)

    def missing(self, previous_t: int, t: int) -> int:
        """Expected candles between two, 0 where patience bears them or the calendar is not fixed at ``t``."""
        if t < self.fixed_t or not whole_candles_between(previous_t, t, self._width_ms):
            return 0
        slots = (np.array([previous_t, t]) - self.first_t + self._width_ms // 2) // self._width_ms
        missing = int(_between(self._before, slots[None])[0])
        return missing if missing > self.patience else 0

    def stretches(self) -> list[Stretch]:
        """The expected candles of a week, neighbours together, from Monday on."""
        size = self._expected.size
        if self._expected.all():
            return [Stretch(0, WEEK_MS)]
        changes = np.diff(np.concatenate([self._expected[-1:], self._expected]).astype(np.int8))
        begins, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
        ends = np.array([ends[ends > begin][0] if (ends > begin).any() else ends[0] + size for begin in begins], int)
        of_week = (self.first_t - _MONDAY_MS) % WEEK_MS
        found = []
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            begin_ms = (of_week + begin * self._width_ms) % WEEK_MS
            found.append(Stretch(begin_ms, begin_ms + (end - begin) * self._width_ms))
        return sorted(found, key=lambda stretch: stretch.begin_ms)

    def _counts(self, expected: NDArray[np.bool_]) -> Int64s:
        """(S + 1,) candles that are sure to be expected before each of a week, and in all of it."""
        lag = -(-_HOUR_MS // self._width_ms) if self._width_ms < _DAY_MS else 0
        sure = expected & np.roll(expected, lag) & np.roll(expected, -lag)
        return np.concatenate([[0], np.cumsum(sure, dtype=np.int64)])

    def _learn_patience(self, weeks: Weeks) -> int:
        present = np.flatnonzero(weeks)
        steps = np.stack([present[:-1], present[1:]], axis=1)
        size = weeks.shape[1]
        short = []
        for week in range(LEARNING_WEEKS):
            own = steps[(steps[:, 1] // size == week) & (steps[:, 1] - steps[:, 0] > 1)]
            short.append(_between(self._counts(_usual(np.delete(weeks, week, 0))), own))
        longest_first = np.sort(np.concatenate(short))[::-1]
        borne = max(int(_BORNE[0] * present.size), _BORNE[1])
        return int(longest_first[borne]) if longest_first.size > borne else 0


def _usual(weeks: Weeks) -> NDArray[np.bool_]:
    """Candles of the week (S,) that most weeks have, or any week where the market often rests.

    Weeks without any do not count.
    """
    seen = int(weeks.any(axis=1).sum())
    usual = np.asarray(weeks.sum(axis=0) >= max(_USUAL * seen, 1))
    return usual if weeks[:, usual].sum() >= _BUSY * weeks.sum() else np.asarray(weeks.any(axis=0))


def _between(before: Int64s, slots: Int64s) -> Int64s:
    """Expected candles between each pair of slots (N, 2)."""
    return _up_to(before, slots[:, 1]) - _up_to(before, slots[:, 0] + 1)


def _up_to(before: Int64s, slots: Int64s) -> Int64s:
    """Expected candles before slots (N,) of any week, from the first week's first on."""
    size = before.size - 1
    return np.asarray(slots // size * before[-1] + before[slots % size], np.int64)
