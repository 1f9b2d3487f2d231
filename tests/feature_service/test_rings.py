"""Streaming gives the rows of the whole history, bit for bit, however it is cut up."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.feature_set import FEATURE_SET
from feature_service.kernels.buffers import WIDTH
from feature_service.kernels.columns import COLUMNS
from feature_service.pipeline import compute_history
from feature_service.rings import SeriesRings
from shared.contracts import CANDLE_DTYPE, Candles, Rows
from shared.errors import InputError

Walk = Callable[..., Candles]
COUNT = 1_400
PAST = FEATURE_SET.lookback - 1
NO_CANDLES = np.zeros(0, CANDLE_DTYPE)


def push_one(rings: SeriesRings, slot: int, candles: Candles) -> Rows:
    return rings.push(np.full(len(candles), slot, np.int64), candles)


def test_every_candle_of_a_new_series_has_the_row_of_its_history(walk: Walk, nasty: dict[str, Candles]) -> None:
    for candles in (walk(COUNT), *nasty.values()):
        rings = SeriesRings()
        slot = rings.acquire()
        streamed = np.concatenate([push_one(rings, slot, candles[at : at + 1]) for at in range(len(candles))])
        assert streamed.tobytes() == compute_history(candles).tobytes()


@settings(max_examples=40)
@given(data=st.data())
def test_any_restart_and_any_chunking_gives_the_same_bits(walk: Walk, data: st.DataObject) -> None:
    candles = walk(COUNT, data.draw(st.integers(0, 9)))
    rows = compute_history(candles)
    rings = SeriesRings(capacity=1)
    slots = [rings.acquire() for _ in range(data.draw(st.integers(1, 40)))]
    slot = data.draw(st.sampled_from(slots))
    at = data.draw(st.integers(0, COUNT - 1))
    rings.seed(slot, candles[max(0, at - data.draw(st.integers(PAST, PAST + 200))) : at])
    for size, killed in data.draw(st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=12)):
        if killed:  # and back with what the broker's history holds
            rings.seed(slot, candles[max(0, at - PAST) : at])
        end = min(COUNT, at + size)
        assert push_one(rings, slot, candles[at:end]).tobytes() == rows[at:end].tobytes()
        at = end
    assert push_one(rings, slot, candles[at:]).tobytes() == rows[at:].tobytes()


def test_series_mixed_in_one_call_do_not_touch_each_other(walk: Walk) -> None:
    series = [walk(COUNT, seed, price=10.0**seed) for seed in range(5)]
    rings = SeriesRings(capacity=2)
    slots = np.array([rings.acquire() for _ in series])
    random = np.random.default_rng(0)
    order = random.permutation(np.repeat(np.arange(5), 700))
    places = np.zeros(len(order), np.int64)
    for member in range(5):
        places[order == member] = np.arange(700)
    mixed = np.array([series[member][place] for member, place in zip(order, places, strict=True)], CANDLE_DTYPE)
    rows = rings.push(slots[order], mixed)
    for member in range(5):
        assert rows[order == member].tobytes() == compute_history(series[member][:700]).tobytes()


def test_a_seed_shorter_than_the_lookback_starts_at_the_series_first_candle(walk: Walk) -> None:
    candles = walk(60)
    rings = SeriesRings()
    slot = rings.acquire()
    rings.seed(slot, candles[:45])
    assert push_one(rings, slot, candles[45:]).tobytes() == compute_history(candles)[45:].tobytes()


def test_an_empty_seed_makes_the_series_new_again(walk: Walk) -> None:
    candles = walk(80)
    rings = SeriesRings()
    slot = rings.acquire()
    push_one(rings, slot, walk(700, seed=4))
    rings.seed(slot, NO_CANDLES)
    assert push_one(rings, slot, candles).tobytes() == compute_history(candles).tobytes()


def test_a_released_slot_comes_back_empty(walk: Walk) -> None:
    rings = SeriesRings()
    slot = rings.acquire()
    push_one(rings, slot, walk(700, seed=4))
    rings.release(slot)
    assert rings.acquire() == slot
    candles = walk(80)
    assert push_one(rings, slot, candles).tobytes() == compute_history(candles).tobytes()


def test_storage_grows_under_series_that_go_on(walk: Walk) -> None:
    candles = walk(700)
    rings = SeriesRings(capacity=1)
    first = rings.acquire()
    push_one(rings, first, candles[:600])
    assert len({first, *(rings.acquire() for _ in range(20))}) == 21
    assert push_one(rings, first, candles[600:]).tobytes() == compute_history(candles)[600:].tobytes()


def test_candles_that_lie_apart_in_memory_are_read_right(walk: Walk) -> None:
    candles = walk(400)
    rings = SeriesRings()
    rows = push_one(rings, rings.acquire(), candles[::2])
    assert rows.tobytes() == compute_history(candles[::2].copy()).tobytes()


@pytest.mark.parametrize("slot", [-1, 1, 15, 16, 10**9])
def test_a_slot_that_nobody_holds_is_refused_and_nothing_is_taken_in(walk: Walk, slot: int) -> None:
    candles = walk(30)
    rings = SeriesRings(capacity=16)
    held = rings.acquire()
    with pytest.raises(InputError, match=f"slot = {slot}: is held by nobody"):
        rings.push(np.array([held, slot]), candles[:2])
    with pytest.raises(InputError, match="held by nobody"):
        rings.seed(slot, candles)
    with pytest.raises(InputError, match="held by nobody"):
        rings.release(slot)
    assert push_one(rings, held, candles).tobytes() == compute_history(candles).tobytes()


def test_slots_and_candles_of_different_number_are_refused(walk: Walk) -> None:
    rings = SeriesRings()
    slot = rings.acquire()
    with pytest.raises(InputError, match="slots = "):
        rings.push(np.array([slot]), walk(2))


def test_a_series_takes_less_than_60_kb() -> None:
    assert COLUMNS * WIDTH * 8 <= 60_000
