"""A slot's ring holds the newest entries of its series, oldest first, whatever else is written."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference_worker.caches import SeriesCaches
from inference_worker.records import CacheRecord

RECORDS = (CacheRecord(name="cache_0", length=7, width=2), CacheRecord(name="cache_pool", length=32, width=1))
SERIES = 20  # more than the first allocation holds


@given(st.lists(st.dictionaries(st.integers(0, SERIES - 1), st.integers(1, 40), min_size=1, max_size=6), max_size=12))
def test_any_calls_leave_the_newest_entries_of_every_series_oldest_first(calls: list[dict[int, int]]) -> None:
    caches = SeriesCaches(RECORDS, batch=SERIES)
    slots = np.array([caches.acquire() for _ in range(SERIES)], np.int64)
    told = {record.name: [np.zeros((record.length, record.width), np.float32)] * SERIES for record in RECORDS}
    number = 0.0
    for call in calls:
        series, counts = np.array(list(call), np.int64), np.array(list(call.values()), np.int64)
        entries = {}
        for record in RECORDS:
            values = np.full((len(series), counts.max(), record.width), np.nan, np.float32)
            for at, count in enumerate(counts):
                values[at, :count] = number + np.arange(count * record.width).reshape(count, record.width)
                number += values[at, :count].size
            entries[record.name] = values
            for at, (one, count) in enumerate(zip(series, counts, strict=True)):
                whole = np.concatenate([told[record.name][one], values[at, :count]])
                told[record.name][one] = whole[-record.length :]
        caches.write(slots[series], counts, entries)
    for name, gathered in caches.gather(slots).items():
        np.testing.assert_array_equal(gathered, np.stack(told[name]))


def test_growing_keeps_what_was_written() -> None:
    caches = SeriesCaches(RECORDS, batch=1)
    slot = np.array([caches.acquire()], np.int64)
    entries = {record.name: np.ones((1, 40, record.width), np.float32) for record in RECORDS}
    caches.write(slot, np.array([40]), entries)
    assert len({caches.acquire() for _ in range(100)} | {int(slot[0])}) == 101
    assert all((gathered == 1).all() for gathered in caches.gather(slot).values())
