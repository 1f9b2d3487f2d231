"""Labels look ahead exactly as far as they say, thresholds not beyond the training split."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_worker.bundle import HEADS
from producer.history import read_history
from producer.sample import sample_candles
from shared.contracts import REGIMES, Candles
from shared.settings.learning import LabelSettings
from trainer.labels.heads import (
    UNLABELLED,
    FittedLabels,
    LabelSource,
    fit_labels,
    newest_resolved,
)

COUNT = 3000
MakeCandles = Callable[[int, int], Candles]


@pytest.fixture(scope="module")
def candles(make_candles: MakeCandles) -> Candles:
    return make_candles(COUNT, 3)


@pytest.fixture(scope="module")
def other(make_candles: MakeCandles) -> Candles:
    return make_candles(COUNT, 4)


def _costs(candles: Candles) -> np.ndarray:
    return np.full(len(candles), 1e-4)


def _fit(candles: Candles, train: int = 2000, **options: int) -> FittedLabels:
    mask = np.arange(len(candles)) < train
    return fit_labels(LabelSettings(**options), [LabelSource("X.M15", candles, mask, _costs(candles))])


@settings(max_examples=10)
@given(at=st.integers(600, COUNT - 1))
def test_a_label_depends_on_nothing_beyond_its_horizon(candles: Candles, other: Candles, at: int) -> None:
    fitted = _fit(candles)
    changed = candles.copy()
    changed[at:] = other[at:]
    changed["t"] = candles["t"]
    whole, cut = fitted.compute("X.M15", candles, _costs(candles)), fitted.compute("X.M15", changed, _costs(changed))
    for head, horizon in fitted.settings.horizons.items():
        np.testing.assert_array_equal(whole[head][: at - horizon], cut[head][: at - horizon])


@settings(max_examples=10)
@given(setup=st.integers(1, 9), regime=st.integers(1, 9))
def test_next_state_is_the_state_that_many_candles_later(candles: Candles, setup: int, regime: int) -> None:
    fitted = _fit(candles, setup_horizon=setup, regime_horizon=regime)
    state, labels = fitted.state("X.M15", candles), fitted.compute("X.M15", candles, _costs(candles))
    for head, horizon in (("buy", setup), ("sell", setup), ("regime", regime)):
        np.testing.assert_array_equal(labels[head][:-horizon], state[head][horizon:])
        assert (labels[head][-horizon:] == UNLABELLED).all()


def test_direction_is_the_side_of_the_close_three_candles_later(candles: Candles) -> None:
    labels = _fit(candles).compute("X.M15", candles, _costs(candles))["direction"]
    move = candles["c"][3:] - candles["c"][:-3]
    assert (labels[-3:] == UNLABELLED).all()
    assert (move[labels[:-3] == 0] < 0).all()
    assert (move[labels[:-3] == 1] > 0).all()
    shares = np.bincount(labels[:2000], minlength=3) / 2000
    assert shares[2] == pytest.approx(1 / 3, abs=0.01)  # neutral


def test_thresholds_know_nothing_after_the_training_split(candles: Candles, other: Candles) -> None:
    changed = candles.copy()
    changed[2000 + 3 :] = other[2000 + 3 :]  # the last training label sees three candles further
    changed["t"] = candles["t"]
    assert _fit(changed).records() == _fit(candles).records()


@settings(max_examples=10)
@given(price=st.sampled_from([2.0**k for k in (-17, -3, 5, 17)]), volume=st.sampled_from([0.25, 1024.0]))
def test_labels_are_scale_free(candles: Candles, price: float, volume: float) -> None:
    scaled = candles.copy()
    for name in "ohlc":
        scaled[name] *= price
    scaled["v"] *= volume
    one, two = _fit(candles), _fit(scaled)
    for head in HEADS:
        same = (
            one.compute("X.M15", candles, _costs(candles))[head] == two.compute("X.M15", scaled, _costs(scaled))[head]
        )
        assert same.mean() > 0.998  # logarithms of scaled prices round differently at a threshold


def test_time_of_day_is_taken_out_of_the_moves(candles: Candles) -> None:
    loud = candles.copy()
    hours = candles["t"] // 3_600_000 % 24
    returns = np.diff(np.log(candles["c"]), prepend=np.log(candles["c"][0]))
    loud["c"] = 100 * np.exp(np.cumsum(returns * np.where((hours >= 8) & (hours < 12), 5.0, 1.0)))
    loud["h"], loud["l"] = np.maximum(loud["o"], loud["c"]), np.minimum(loud["o"], loud["c"])
    neutral = _fit(loud).compute("X.M15", loud, _costs(loud))["direction"] == 2
    inside = neutral[(hours >= 8) & (hours < 11)].mean()
    outside = neutral[(hours >= 13) & (hours < 23)].mean()
    assert abs(inside - outside) < 0.12  # uncorrected, loud hours are neutral far more rarely


def test_a_flat_market_is_range_without_setups_and_neutral(candles: Candles) -> None:
    flat = candles.copy()
    for name in "ohlc":
        flat[name] = 1.0
    labels = _fit(candles).compute("X.M15", flat, _costs(flat))
    known = labels["regime"] != UNLABELLED
    assert (labels["regime"][known] == REGIMES.index("RANGE")).all()
    assert (labels["buy"][known & (labels["buy"] != UNLABELLED)] == 0).all()
    assert (labels["direction"][:-3] == 2).all()


def test_the_newest_resolved_label_is_known_at_the_close() -> None:
    labels = np.array([0, 1, 2, 1, 0, -1, -1], np.int8)
    np.testing.assert_array_equal(newest_resolved(labels, 2), [-1, -1, 0, 1, 2, 1, 0])


def test_records_name_family_horizon_and_thresholds(candles: Candles) -> None:
    records = _fit(candles).records()
    assert {head: (record.family, record.horizon) for head, record in records.items()} == {
        "buy": ("next_state", 1),
        "sell": ("next_state", 1),
        "direction": ("outcome", 3),
        "regime": ("next_state", 5),
        "long_win": ("outcome", 12),
        "short_win": ("outcome", 12),
        "high_volatility": ("outcome", 6),
    }
    assert set(records["regime"].thresholds) == {"volatile", "range", "strong", "trend"}
    assert len(records["direction"].thresholds) == 1 + 24


def test_too_short_a_history_has_nothing_to_fit(candles: Candles) -> None:
    with pytest.raises(ValueError, match="no training candle"):
        _fit(candles[:150], train=100)


REAL = {
    "EURUSD_M15_mt4_2019-2021.csv": "broker-eu",
    "EURUSD_M5_mt4_2020-2021.csv": "broker-eu",
    "XAUUSD_M5_mt5_2025.csv": "broker-eu",
    "GBPUSD_H1_ejtrader_2012-2022.csv": "broker-eu",
    "BTCUSDT_M15_binance_2025-2026.csv": "UTC",
}


@pytest.fixture(scope="module")
def real_sources(market_data: Path) -> list[LabelSource]:
    sources = []
    for name, tz in REAL.items():
        candles = read_history(market_data / name, None, tz).candles
        sources.append(LabelSource(name, candles, np.arange(len(candles)) < 0.7 * len(candles), _costs(candles)))
    return sources


@pytest.mark.parametrize("seed", range(3))
def test_every_class_is_common_enough_on_a_synthetic_file(seed: int) -> None:
    candles = sample_candles(12_000, "M15", seed)
    mask = np.arange(len(candles)) < 0.7 * len(candles)
    labels = fit_labels(LabelSettings(), [LabelSource("X.M15", candles, mask, _costs(candles))]).compute(
        "X.M15", candles, _costs(candles)
    )
    known = labels["buy"] != UNLABELLED
    for head in ("buy", "sell"):
        assert 0.20 <= (labels[head][known] == 1).mean() <= 0.55
    regimes = labels["regime"][labels["regime"] != UNLABELLED]
    assert (np.bincount(regimes, minlength=6) / len(regimes)).min() >= 0.03


@pytest.mark.parametrize("pooled", [False, True])
def test_every_class_is_common_enough_on_each_real_file(real_sources: list[LabelSource], pooled: bool) -> None:
    together = fit_labels(LabelSettings(), real_sources)
    for source in real_sources:
        fitted = together if pooled else fit_labels(LabelSettings(), [source])
        labels = fitted.compute(source.key, source.candles, source.costs)
        buy, sell = labels["buy"] == 1, labels["sell"] == 1
        known = labels["buy"] != UNLABELLED
        assert 0.20 <= buy[known].mean() <= 0.55, source.key
        assert 0.20 <= sell[known].mean() <= 0.55, source.key
        assert (buy & sell)[known].mean() < 0.05, source.key
        assert fitted.setups[source.key].volume == 1.0 or 0.2 <= (buy | sell)[known].mean() <= 0.55, source.key
        regimes = labels["regime"][labels["regime"] != UNLABELLED]
        assert (np.bincount(regimes, minlength=6) / len(regimes)).min() >= 0.03, source.key


def test_labels_need_no_torch() -> None:
    code = "import sys, trainer.labels.heads; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
