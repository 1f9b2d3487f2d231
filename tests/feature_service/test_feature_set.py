"""The signature of rows follows what defines them."""

import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest

from feature_service.feature import Feature
from feature_service.feature_set import FEATURE_SET, FeatureSet
from feature_service.pipeline import compute_history
from shared.contracts import CANDLE_DTYPE

GOLDEN_ROWS = {2: "9211f439f09db6bb2f596db09e635ab288db2f92aa79db8a1fa983b1172cd8bb"}
"""Kernel version -> sha256 over the rows of ``counted_candles``."""


def counted_candles(count: int) -> np.ndarray:
    """Candles out of integers alone, so that they are the same on every machine."""
    state, close = 1, 1 << 20
    rows = []
    for place in range(count):
        state = (1_103_515_245 * state + 12_345) % (1 << 31)
        before, close = close, close + (state >> 8) % 2_049 - 1_024
        high, low = max(before, close) + (state >> 4) % 512, min(before, close) - (state >> 12) % 512
        rows.append((place + 1, *(price / (1 << 20) for price in (before, high, low, close)), state % 1_000))
    return np.array(rows, CANDLE_DTYPE)


def test_the_hash_has_64_hex_digits_and_the_names_their_order() -> None:
    assert len(FEATURE_SET.hash) == 64
    assert int(FEATURE_SET.hash, 16)
    assert FEATURE_SET.size == len(FEATURE_SET.names) == len(FEATURE_SET.features)


def test_the_lookback_is_the_longest_and_leaves_the_kernels_their_reach() -> None:
    assert FEATURE_SET.lookback == max(feature.lookback for feature in FEATURE_SET.features) <= 512


@pytest.mark.parametrize("field", [field.name for field in fields(Feature)])
def test_the_hash_follows_every_field_but_the_source(field: str) -> None:
    first = FEATURE_SET.features[0]
    other = {"inputs": ("open",), "low": -1.5, "high": 1.5, "lookback": 77}.get(field, "other")
    changed = FeatureSet((replace(first, **{field: other}), *FEATURE_SET.features[1:]), FEATURE_SET.kernel_version)
    assert (changed.hash == FEATURE_SET.hash) == (field == "source")


def test_the_hash_follows_the_order_and_the_kernel_version() -> None:
    turned = FeatureSet(FEATURE_SET.features[::-1], FEATURE_SET.kernel_version)
    newer = FeatureSet(FEATURE_SET.features, FEATURE_SET.kernel_version + 1)
    assert len({FEATURE_SET.hash, turned.hash, newer.hash}) == 3


def test_rows_keep_their_bits_as_long_as_the_kernel_version_does() -> None:
    """Fails after a change of arithmetic: raise KERNEL_VERSION, then note the new digest beside it."""
    rows = compute_history(counted_candles(1_200))
    assert hashlib.sha256(rows.tobytes()).hexdigest() == GOLDEN_ROWS[FEATURE_SET.kernel_version]
