"""Each statistic equals numpy's over the same returns."""

from collections.abc import Callable
from itertools import permutations

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


def standardised(power: int) -> Callable[..., np.ndarray]:
    def moment(windows: np.ndarray, axis: int) -> np.ndarray:
        rest = windows - windows.mean(axis=axis, keepdims=True)
        return (rest**power).mean(axis=axis) / (rest**2).mean(axis=axis) ** (power / 2)

    return moment


def autocorrelation(x: Candles, lag: int, length: int) -> np.ndarray:
    returns = log_returns(x)
    products = rolling(returns * np.roll(returns, lag), length, np.sum)
    return products / rolling(returns**2, length, np.sum)


def variance_ratio(x: Candles) -> np.ndarray:
    return 1.0 + 2.0 * sum((1.0 - lag / 8) * autocorrelation(x, lag, 96) for lag in range(1, 8))


def permutation_entropy(x: Candles) -> np.ndarray:
    """Equal closes stand in the order of time backwards: the later is not above the earlier."""
    triples = np.stack([np.roll(x["c"], 2), np.roll(x["c"], 1), x["c"]], axis=1)
    orders = np.argsort(np.argsort(triples[:, ::-1], axis=1, kind="stable"), axis=1)[:, ::-1]
    entropy = np.zeros(len(x))
    for order in permutations(range(3)):
        share = rolling(np.all(orders == order, axis=1).astype(float), 64, np.mean)
        entropy -= share * np.log(np.where(share > 0.0, share, 1.0))
    return entropy / np.log(6.0)


def rank(windows: np.ndarray, axis: int) -> np.ndarray:
    newest, before = windows[:, -1:], windows[:, :-1]
    return 100.0 * ((before < newest) + 0.5 * (before == newest)).mean(axis=axis)


REFERENCES: dict[str, Reference] = {
    "skewness_64": lambda x: rolling(log_returns(x), 64, standardised(3)),
    "kurtosis_64": lambda x: rolling(log_returns(x), 64, standardised(4)) - 3.0,
    "autocorrelation_64": lambda x: autocorrelation(x, 1, 64),
    "variance_ratio_8": variance_ratio,
    "permutation_entropy_64": permutation_entropy,
    "close_rank_240": lambda x: rolling(x["c"].copy(), 241, rank),
}


def test_the_family_agrees_with_its_definitions(check_family: CheckFamily, counted_walk: Candles) -> None:
    check_family(REFERENCES, "statistical", counted_walk)


def test_the_family_agrees_with_its_definitions_on_real_markets(
    check_family: CheckFamily, counted_markets: list[Candles]
) -> None:
    for candles in counted_markets:
        check_family(REFERENCES, "statistical", candles)


def test_a_steady_rise_has_one_order_and_the_top_rank(nasty: dict[str, Candles]) -> None:
    risen = nasty["only up"]
    assert column(risen, "permutation_entropy_64")[-1] == 0.0
    assert column(risen, "close_rank_240")[-1] == 100.0
    assert column(risen, "skewness_64")[-1] == column(risen, "kurtosis_64")[-1] == 0.0
