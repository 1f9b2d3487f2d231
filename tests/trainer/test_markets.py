"""Series of one market at the same dates are found whatever their timeframe and spelling."""

import numpy as np
import pytest

from shared.contracts import Series
from trainer.markets import market_groups, same_market


@pytest.mark.parametrize("other", ["EURUSD", "eurusd", "EUR/USD", "EURUSDm", "EURUSD.r", "EUR|USD"])
def test_a_brokers_spelling_does_not_make_another_market(other: str) -> None:
    assert same_market("EURUSD", other)
    assert same_market(other, "EURUSD")


@pytest.mark.parametrize(("one", "other"), [("EURUSD", "GBPUSD"), ("EURUSD", "EURGBP"), ("...", "EURUSD")])
def test_other_instruments_are_other_markets(one: str, other: str) -> None:
    assert not same_market(one, other)


def test_groups_are_chains_of_overlapping_dates_of_one_market() -> None:
    spans = [("EURUSD", 0, 10), ("EURUSD", 20, 30), ("GBPUSD", 0, 30), ("EURUSD.r", 9, 21), ("EURUSD", 40, 50)]
    series = [Series(symbol, "M5") for symbol, _, _ in spans]
    times = [np.arange(first, last + 1, dtype=np.int64) for _, first, last in spans]
    assert market_groups(series, times) == [[0, 1, 3], [2], [4]]
