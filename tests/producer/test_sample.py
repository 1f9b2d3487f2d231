"""Synthetic candles: a seed is a file, and the candles are legal and market-like."""

from pathlib import Path

import numpy as np
import pytest

from producer.history import read_history
from producer.sample import END_MS, sample_candles, write_candles
from shared.errors import InputError
from shared.timeframe import TIMEFRAMES_S, timeframe_ms


@pytest.mark.parametrize("timeframe", list(TIMEFRAMES_S))
@pytest.mark.parametrize("count", [1, 500])
def test_candles_obey_the_rules_and_the_last_closes_at_the_end(timeframe: str, count: int) -> None:
    candles = sample_candles(count, timeframe, seed=3)
    o, h, low, c, v = (candles[name] for name in "ohlcv")
    assert len(candles) == count
    assert candles["t"][-1] + timeframe_ms(timeframe) == END_MS
    assert (np.diff(candles["t"]) > 0).all()
    assert (low > 0).all()
    assert (low <= np.minimum(o, c)).all()
    assert (h >= np.maximum(o, c)).all()
    assert (v > 0).all()
    assert all(round(price, 5) == price for price in h.tolist())


def test_a_seed_is_a_file_byte_for_byte(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    for path, seed in zip(paths, (7, 7, 8), strict=True):
        write_candles(sample_candles(2_000, "M15", seed), path)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


def test_a_written_sample_is_read_back_exactly(tmp_path: Path) -> None:
    candles = sample_candles(3_000, "H1", seed=1)
    write_candles(candles, tmp_path / "sample.csv")
    history = read_history(tmp_path / "sample.csv", timeframe="H1")
    assert (history.candles == candles).all()
    assert history.report.refused == 0
    assert history.spread is not None
    assert history.spread_in_price
    assert history.spread[0] == pytest.approx(8e-5)


def test_volatility_clusters_while_returns_do_not_and_weekends_are_closed() -> None:
    candles = sample_candles(30_000, "M15", seed=5)
    returns = np.diff(np.log(candles["c"]))
    assert np.corrcoef(np.abs(returns[1:]), np.abs(returns[:-1]))[0, 1] > 0.2
    assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < 0.05
    weekday = (candles["t"] // 86_400_000 + 3) % 7  # Monday is 0
    assert not (weekday == 5).any()
    assert (np.diff(candles["t"]) > 86_400_000).sum() > 30_000 // (96 * 5) - 2


@pytest.mark.parametrize(
    ("count", "timeframe", "seed"), [(0, "M15", 1), (10, "M15", -1), (100_000, "D1", 1), (1, "M7", 1)]
)
def test_what_cannot_be_made_is_refused(count: int, timeframe: str, seed: int) -> None:
    with pytest.raises(InputError):
        sample_candles(count, timeframe, seed)
