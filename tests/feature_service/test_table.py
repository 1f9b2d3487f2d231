"""Kernels get candles in one layout, whatever layout they come in."""

from collections.abc import Callable

import numpy as np
import pytest

from feature_service.kernels.entries import ENTRIES
from feature_service.pipeline import compute_history, warm
from feature_service.rings import SeriesRings
from feature_service.table import candle_table
from shared.contracts import CANDLE_DTYPE, Candles
from shared.errors import InputError


def read_only(candles: Candles) -> Candles:
    return np.frombuffer(candles.tobytes(), CANDLE_DTYPE)


def unaligned(candles: Candles) -> Candles:
    return np.frombuffer(b"\0\0\0" + candles.tobytes(), CANDLE_DTYPE, offset=3)


def strided(candles: Candles) -> Candles:
    return np.repeat(candles, 2)[::2]


def test_the_columns_are_the_candles_fields(walk: Callable[..., Candles]) -> None:
    candles = walk(5)
    table = candle_table(candles)
    assert table.shape == (5, 6)
    for column, name in enumerate("ohlcv", start=1):
        assert np.array_equal(table[:, column], candles[name])


@pytest.mark.parametrize("layout", [read_only, unaligned, strided])
def test_after_warming_no_layout_compiles_a_kernel_again(
    walk: Callable[..., Candles], layout: Callable[[Candles], Candles]
) -> None:
    warm()
    compiled = [len(entry.signatures) for entry in ENTRIES]
    candles = layout(walk(30))
    rings = SeriesRings()
    slots = np.full(20, rings.acquire())
    slots.flags.writeable = False
    rings.seed(int(slots[0]), candles[:10])
    assert rings.push(slots, candles[10:]).tobytes() == compute_history(candles)[10:].tobytes()
    assert [len(entry.signatures) for entry in ENTRIES] == compiled


@pytest.mark.parametrize("candles", [np.zeros((2, 6)), np.zeros((2, 2), CANDLE_DTYPE), np.zeros(2, "f8,f8")])
def test_what_is_no_flat_array_of_candles_is_refused(candles: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"candles = .*CANDLE_DTYPE"):
        candle_table(candles)
