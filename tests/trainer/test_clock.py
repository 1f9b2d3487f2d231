"""Bumps tell times apart, leave no time out, and read the time features alone."""

import numpy as np
import pytest
import torch

from trainer.clock import BUMPS, Clock

NAMES = ("other", "day_sine", "day_cosine", "more", "week_sine", "week_cosine")
MINUTES = 7 * 24 * 60


def _rows() -> torch.Tensor:
    """Every minute of a week."""
    minute = np.arange(MINUTES)
    day, week = 2 * np.pi * minute / (24 * 60), 2 * np.pi * minute / MINUTES
    columns = [minute, np.sin(day), np.cos(day), -minute, np.sin(week), np.cos(week)]
    return torch.from_numpy(np.stack(columns, 1)).float()[None]


def test_a_bump_is_1_at_its_own_time_and_0_two_bumps_away() -> None:
    bumps = Clock(NAMES)(_rows())[0].numpy()
    for half_hour in range(BUMPS["day"]):
        bump = bumps[: 24 * 60, half_hour]
        assert bump[half_hour * 30] == pytest.approx(1, abs=1e-4)
        assert set(np.flatnonzero(bump > 1e-4)) == {(half_hour * 30 + by) % 1440 for by in range(-59, 60)}


def test_every_time_is_told_by_some_bump_and_no_two_half_hours_alike() -> None:
    bumps = Clock(NAMES)(_rows())[0]
    assert bumps.min() == 0
    assert bumps[:, : BUMPS["day"]].max(1).values.min() > 0.5
    assert bumps[:, BUMPS["day"] :].max(1).values.min() > 0.5
    half_hours = bumps[::30]
    assert torch.pdist(half_hours).min() > 0.1


def test_other_features_change_nothing() -> None:
    rows = _rows()
    changed = rows.clone()
    changed[..., [0, 3]] = torch.randn(1, MINUTES, 2)
    torch.testing.assert_close(Clock(NAMES)(changed), Clock(NAMES)(rows), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("names", "size"), [(("a", "b"), 0), (("day_sine", "day_cosine"), BUMPS["day"]), (("week_sine", "a"), 0)]
)
def test_angles_that_are_no_features_have_no_bumps(names: tuple[str, ...], size: int) -> None:
    clock = Clock(names)
    assert clock.size == size
    assert clock(torch.randn(1, 3, len(names))).shape == (1, 3, size)
