"""A lesson: the same from the cache as computed, its thresholds and splits blind to what comes after training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS
from producer.history import read_history
from shared.contracts import WINDOW, Candles, Series
from shared.errors import TrainingError
from shared.settings.learning import DataSettings, LabelSettings
from trainer import shelf
from trainer.cache import LessonCache
from trainer.histories import History, Lesson, prepare_lesson

MakeCandles = Callable[[int, int], Candles]
COUNT = 6_500


def _history(candles: Candles, symbol: str = "ONE", timeframe: str = "M15") -> History:
    return History(Series(symbol, timeframe), candles, "UTC", "0" * 64)


@pytest.fixture(scope="module")
def histories(make_candles: MakeCandles) -> list[History]:
    return [_history(make_candles(COUNT, 10)), _history(make_candles(COUNT, 11), "TWO")]


@pytest.fixture(scope="module")
def lesson(histories: list[History]) -> Lesson:
    return prepare_lesson(histories, DataSettings(), LabelSettings())


def _same(one: Lesson, other: Lesson) -> bool:
    return one.labels.records() == other.labels.records() and all(
        np.array_equal(a.rows, b.rows) and all(np.array_equal(a.labels[head], b.labels[head]) for head in HEADS)
        for a, b in zip(one.series, other.series, strict=True)
    )


def test_a_cached_lesson_is_the_computed_one_and_nothing_is_computed(
    histories: list[History], lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepare_lesson(histories, DataSettings(), LabelSettings(), LessonCache(tmp_path))
    monkeypatch.setattr(shelf, "compute_history", None)
    monkeypatch.setattr(shelf, "fit_labels", None)
    again = prepare_lesson(histories, DataSettings(), LabelSettings(), LessonCache(tmp_path))
    assert _same(first, lesson)
    assert _same(again, lesson)
    assert again.splits == lesson.splits


@pytest.mark.parametrize("changed", ["candles", "labels", "costs", "splits"])
def test_what_a_lesson_hangs_on_is_in_its_key(
    histories: list[History], tmp_path: Path, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, calls = LessonCache(tmp_path), []
    monkeypatch.setattr(shelf, "_compute", lambda *key, plain=shelf._compute: calls.append(1) or plain(*key))
    one, data, labels = histories[0], DataSettings(), LabelSettings()
    prepare_lesson([one], data, labels, cache)
    if changed == "candles":
        candles = one.candles.copy()
        candles["v"][-1] += 1
        one = _history(candles)
    elif changed == "labels":
        labels = LabelSettings(setup_horizon=2)
    elif changed == "costs":
        labels = LabelSettings(cost_bps=2.0)
    else:
        data = DataSettings(train_share=0.69)
    prepare_lesson([one], data, labels, cache)
    assert len(calls) == 2


def test_nothing_after_the_purged_end_of_training_moves_a_threshold_or_a_training_row(
    histories: list[History], lesson: Lesson, make_candles: MakeCandles
) -> None:
    one = histories[0]
    stop = lesson.series[0].splits.train.stop
    horizon = max(LabelSettings().horizons.values())
    alone = prepare_lesson([one], DataSettings(), LabelSettings())
    changed = one.candles.copy()
    other = make_candles(COUNT, 12)
    changed[stop + horizon :] = other[stop + horizon :]
    changed["t"] = one.candles["t"]
    after = prepare_lesson([_history(changed)], DataSettings(), LabelSettings())
    assert after.labels.records() == alone.labels.records()
    assert after.splits == alone.splits
    np.testing.assert_array_equal(after.scaler.scale, alone.scaler.scale)
    np.testing.assert_array_equal(after.series[0].rows[:stop], alone.series[0].rows[:stop])
    for head in HEADS:
        np.testing.assert_array_equal(after.series[0].labels[head][:stop], alone.series[0].labels[head][:stop])


def test_no_warming_row_is_seen_by_a_target(lesson: Lesson) -> None:
    for one in lesson.series:
        for span in (one.splits.train, one.splits.validation, one.splits.test):
            assert span.start - (WINDOW - 1) >= FEATURE_SET.lookback - 1


def test_costs_are_the_files_spread_where_it_has_one(histories: list[History]) -> None:
    one = histories[0]
    spread = 3e-4 * one.candles["c"]
    found = prepare_lesson(
        [History(one.series, one.candles, "UTC", "0" * 64, spread), histories[1]], DataSettings(), LabelSettings()
    )
    assert found.costs == {"ONE.M15": pytest.approx(3.0), "TWO.M15": pytest.approx(1.0)}
    assert found.labels.records()["long_win"].thresholds["ONE.M15.cost_bps"] == pytest.approx(3.0)
    cheap = prepare_lesson([one], DataSettings(), LabelSettings())
    dear, fair = (part.series[0].labels["long_win"] == 1 for part in (found, cheap))
    assert dear.sum() < fair.sum()


def test_the_state_family_labels_the_present_candle(histories: list[History], lesson: Lesson) -> None:
    state = prepare_lesson(histories, DataSettings(), LabelSettings(family="state"))
    for head, horizon in (("buy", 1), ("sell", 1), ("regime", 5)):
        assert state.labels.records()[head].family == "state"
        assert state.labels.records()[head].horizon == 0
        now, later = state.series[0].labels[head], lesson.series[0].labels[head]
        np.testing.assert_array_equal(now[horizon:][: COUNT - horizon], later[: COUNT - horizon])
    np.testing.assert_array_equal(state.series[0].labels["direction"], lesson.series[0].labels["direction"])


def test_markets_that_overlap_are_told(lesson: Lesson) -> None:
    assert not lesson.notes  # equal dates, equal splits: none is learned from while the other is tested


def test_one_market_at_the_same_dates_without_shared_borders_is_refused(histories: list[History]) -> None:
    late = histories[0].candles.copy()
    late["t"] += late["t"][-1] - late["t"][0] - 900_000
    with pytest.raises(TrainingError, match="no dates leave each of them enough"):
        prepare_lesson([histories[0], _history(late, "ONE.r")], DataSettings(), LabelSettings())


def test_no_file_of_a_market_is_tested_on_dates_that_another_learned_from(market_data: Path) -> None:
    found = []
    for name, timeframe in (("EURUSD_M15_mt4_2019-2021.csv", "M15"), ("EURUSD_M5_mt4_2020-2021.csv", "M5")):
        read = read_history(market_data / name, timeframe, "broker-eu").candles
        found.append(_history(read[-40_000:], "EURUSD", timeframe))
    lesson = prepare_lesson(found, DataSettings(), LabelSettings())
    for one in lesson.splits:
        for other in lesson.splits:
            assert one.train.last < other.validation.first
            assert one.validation.last < other.test.first
    assert not lesson.notes
