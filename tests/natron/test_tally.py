"""The demo's count cannot be fooled: what is missing, twice or out of order shows."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from natron.tally import LatencyHistogram, Tally
from shared.contracts import WINDOW, Prediction, Series

REGIMES = (0.1, 0.2, 0.3, 0.2, 0.1, 0.1)
FIRST = Prediction(
    Series("EURUSD", "M15"), 1, WINDOW, 0.5, 0.5, (0.2, 0.3, 0.5), REGIMES, (), (), 0, "b", "ab" * 32, 1, 2, 3, 4
)


def tally(numbers: list[int]) -> Tally:
    counted = Tally()
    for n in numbers:
        counted.add(replace(FIRST, t=n, n=n), 1_000)
    return counted


def test_a_whole_run_counts_as_it_is() -> None:
    counted = tally(list(range(WINDOW, WINDOW + 50)))
    assert (counted.received, counted.lost, counted.duplicated) == (50, 0, 0)


def test_a_missing_first_signal_is_lost_too() -> None:
    assert tally([WINDOW + 1, WINDOW + 2]).lost == 1


@given(st.sets(st.integers(WINDOW, WINDOW + 40), min_size=1))
def test_what_is_missing_before_the_newest_is_lost(numbers: set[int]) -> None:
    counted = tally(sorted(numbers))
    assert counted.lost == max(numbers) - WINDOW + 1 - len(numbers)


def test_a_signal_that_comes_again_or_late_is_a_duplicate() -> None:
    counted = tally([WINDOW, WINDOW + 1, WINDOW + 1, WINDOW])
    assert (counted.received, counted.duplicated) == (2, 2)


def test_series_are_counted_apart() -> None:
    counted = Tally()
    counted.add(FIRST, 1)
    counted.add(replace(FIRST, series=Series("XAUUSD", "M15")), 1)
    assert (counted.received, counted.lost, counted.duplicated) == (2, 0, 0)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=200), st.sampled_from([0.5, 0.99]))
def test_quantiles_are_right_to_a_bin(latencies: list[int], share: float) -> None:
    histogram = LatencyHistogram()
    for latency in latencies:
        histogram.add(latency)
    exact = float(np.quantile(latencies, share, method="inverted_cdf")) / 1_000
    found = histogram.quantile_ms(share)
    assert found is not None
    assert abs(found - exact) <= 0.013 * exact + 0.001


def test_without_latencies_there_is_no_quantile() -> None:
    assert LatencyHistogram().quantile_ms(0.5) is None
