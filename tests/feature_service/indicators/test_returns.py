"""Each return equals numpy's, in units of numpy's volatility."""

from collections.abc import Callable

import numpy as np

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import Candles

Reference = Callable[[Candles], np.ndarray]
CheckFamily = Callable[[dict[str, Reference], str, Candles], None]


def rolling(values: np.ndarray, length: int, function: Callable[..., np.ndarray]) -> np.ndarray:
    """A numpy function over every window; NaN before the first."""
    windows = np.lib.stride_tricks.sliding_window_view(values, length)
    return np.concatenate([np.full(length - 1, np.nan), function(windows, axis=1)])


def log_returns(x: Candles) -> np.ndarray:
    return np.diff(np.log(x["c"]), prepend=np.nan)


def column(candles: Candles, name: str) -> np.ndarray:
    return compute_values(candles)[:, FEATURE_SET.names.index(name)]


def scaled_return(length: int) -> Reference:
    def reference(x: Candles) -> np.ndarray:
        volatility = np.sqrt(rolling(log_returns(x) ** 2, 96, np.mean))
        return np.log(x["c"] / np.roll(x["c"], length)) / (volatility * np.sqrt(length))

    return reference


REFERENCES: dict[str, Reference] = {
    f"return_{length}": scaled_return(length) for length in (1, 2, 4, 8, 16, 48, 96, 240)
}


def test_the_family_agrees_with_its_definitions(check_family: CheckFamily, counted_walk: Candles) -> None:
    check_family(REFERENCES, "returns", counted_walk)


def test_the_family_agrees_with_its_definitions_on_real_markets(
    check_family: CheckFamily, counted_markets: list[Candles]
) -> None:
    for candles in counted_markets:
        check_family(REFERENCES, "returns", candles)


def test_on_a_random_walk_returns_of_every_length_spread_alike(walk: Callable[..., Candles]) -> None:
    candles = walk(60_000)
    for name in REFERENCES:
        assert 0.8 < column(candles, name)[1_000:].std() < 1.2, name
