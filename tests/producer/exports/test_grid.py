"""The grid of a timeframe: inferred, contradicted, and shifted where sources really shift it."""

import numpy as np
import pytest

from producer.exports.grid import grid_of
from shared.errors import FormatError

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def test_shorter_steps_contradict_a_timeframe_even_where_its_own_step_occurs() -> None:
    steps = np.tile([15, 15, 15, 60], 50) * MINUTE_MS
    with pytest.raises(FormatError, match="M15"):
        grid_of(np.cumsum(steps), "H1")


def test_holes_do_not_contradict_a_timeframe() -> None:
    steps = np.tile([15, 60, 120, 60], 50) * MINUTE_MS
    assert grid_of(np.cumsum(steps), "M15").timeframe == "M15"


def test_months_are_no_timeframe() -> None:
    with pytest.raises(FormatError, match="months"):
        grid_of(np.cumsum(np.full(30, 31 * DAY_MS)), None)


def test_a_step_that_no_timeframe_has_is_refused() -> None:
    with pytest.raises(FormatError, match="420 s"):
        grid_of(np.arange(30) * 7 * MINUTE_MS, None)


def test_one_row_does_not_tell_a_timeframe_but_takes_one() -> None:
    with pytest.raises(FormatError, match="--timeframe"):
        grid_of(np.array([DAY_MS]), None)
    assert grid_of(np.array([DAY_MS]), "M15").width_ms == 15 * MINUTE_MS


def test_days_that_open_an_hour_earlier_in_summer_are_on_the_grid_and_others_are_not() -> None:
    days = np.arange(100) * DAY_MS + 22 * HOUR_MS
    grid = grid_of(np.concatenate([days[:60], days[60:] - HOUR_MS]), "D1")
    assert grid.holds(np.array([22, 21, 20, 23]) * HOUR_MS).tolist() == [True, True, False, False]


def test_hours_that_open_at_half_past_are_on_a_grid_of_their_own() -> None:
    grid = grid_of(np.arange(100) * HOUR_MS + 30 * MINUTE_MS, "H1")
    assert grid.holds(np.array([30, 60, 90]) * MINUTE_MS).tolist() == [True, False, True]
