"""Walks are candles by law, and keep of a market everything but its signs."""

from collections.abc import Callable

import numpy as np
import pytest

from shared.contracts import Candles
from trainer.evaluation.walks import gaussian_walk, mirrored_walk, planted_walk

MakeCandles = Callable[[int, int], Candles]


@pytest.mark.parametrize("seed", range(3))
def test_every_walk_is_made_of_legal_candles(make_candles: MakeCandles, seed: int) -> None:
    walks = (mirrored_walk(make_candles(2_000, seed), seed), gaussian_walk(2_000, seed), planted_walk(2_000, seed, 0.5))
    for walk in walks:
        assert (walk["l"] > 0).all()
        assert (walk["l"] <= np.minimum(walk["o"], walk["c"])).all()
        assert (walk["h"] >= np.maximum(walk["o"], walk["c"])).all()
        assert (np.diff(walk["t"]) > 0).all()


def test_a_mirrored_walk_keeps_sizes_ranges_volumes_and_times(make_candles: MakeCandles) -> None:
    candles = make_candles(2_000, 1)
    walk = mirrored_walk(candles, 9)
    for name in "tv":
        np.testing.assert_array_equal(walk[name], candles[name])
    np.testing.assert_allclose(np.log(walk["h"] / walk["l"]), np.log(candles["h"] / candles["l"]), rtol=1e-6)
    ours, theirs = np.diff(np.log(walk["c"])), np.diff(np.log(candles["c"]))
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-12)
    assert 0.4 < (np.sign(ours) == np.sign(theirs)).mean() < 0.6


def test_a_planted_walk_follows_itself_as_much_as_asked() -> None:
    returns = np.diff(np.log(planted_walk(20_000, 2, 0.6)["c"]))
    assert np.corrcoef(returns[1:], returns[:-1])[0, 1] == pytest.approx(0.6, abs=0.02)


def test_a_gaussian_walk_has_one_volatility_and_no_memory() -> None:
    returns = np.diff(np.log(gaussian_walk(20_000, 4)["c"]))
    halves = [part.std() for part in np.array_split(returns, 4)]
    assert max(halves) / min(halves) < 1.05
    assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < 0.03
    assert abs(np.corrcoef(np.abs(returns[1:]), np.abs(returns[:-1]))[0, 1]) < 0.03
