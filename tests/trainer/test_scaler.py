"""The scaler brings the middle half of a feature to width 1, and survives features without one."""

import numpy as np

from trainer.scaler import Scaler


def test_median_and_quartiles_come_from_all_parts_together() -> None:
    random = np.random.default_rng(0)
    whole = random.normal([0, 50], [1, 1e-3], (4_000, 2)).astype(np.float32)
    scaler = Scaler.fit([whole[:1_000], whole[1_000:]])
    scaled = (whole - scaler.centre) * scaler.scale
    np.testing.assert_allclose(np.median(scaled, 0), 0, atol=1e-2)
    np.testing.assert_allclose(np.subtract(*np.quantile(scaled, [0.75, 0.25], axis=0)), 1, rtol=1e-2)


def test_a_rare_event_is_scaled_by_its_deviation_and_a_constant_left_alone() -> None:
    rows = np.zeros((100, 2), np.float32)
    rows[:10, 0] = 1
    rows[:, 1] = 7
    scaler = Scaler.fit([rows])
    np.testing.assert_allclose(scaler.scale, [1 / 0.3, 1], rtol=1e-6)
    np.testing.assert_allclose(scaler.centre, [0, 7])
