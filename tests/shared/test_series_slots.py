"""Slots are never shared, and the least recently seen series makes room."""

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import Series
from shared.series_slots import SeriesSlots


class Slots:
    """A store that notices a slot held twice, and one released that nobody held."""

    def __init__(self) -> None:
        self.held: set[int] = set()

    def acquire(self) -> int:
        slot = next(number for number in range(1_000) if number not in self.held)
        self.held.add(slot)
        return slot

    def release(self, slot: int) -> None:
        self.held.remove(slot)


MANY = [Series(f"S{at}", "M1") for at in range(12)]


@given(st.lists(st.one_of(st.sampled_from(MANY), st.lists(st.integers(0, 63), max_size=8), st.none())))
def test_the_most_recently_seen_series_are_in_memory_each_in_a_slot_of_its_own(
    steps: list[Series | list[int] | None],
) -> None:
    store = Slots()
    series_slots, seen = SeriesSlots(store, 5), dict[str, int]()
    for n, step in enumerate(steps, 1):
        if isinstance(step, Series):
            series_slots.take(step)
            series_slots.advance(step, n, 10 * n)
            seen.pop(step.key, None)
            seen[step.key] = n
            while len(seen) > 5:
                del seen[next(iter(seen))]
        else:
            series_slots.forget(step)
            gone = range(64) if step is None else step
            seen = {key: n for key, n in seen.items() if Series.from_key(key).partition not in gone}
        states = {series.key: state for series in MANY if (state := series_slots.get(series))}
        assert {key: (state.n, state.t) for key, state in states.items()} == {
            key: (n, 10 * n) for key, n in seen.items()
        }
        assert sorted(state.slot for state in states.values()) == sorted(store.held)
        assert series_slots.full == (len(seen) == 5)
