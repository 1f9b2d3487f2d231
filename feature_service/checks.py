"""What a sceptic asks of features on candles of his own: whether they look ahead, hang on the past, or repeat.

freqtrade's users know the first two as ``lookahead-analysis`` and ``recursive-analysis``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_service.feature_set import FEATURE_SET
from feature_service.pipeline import compute_values
from shared.contracts import Candles
from shared.errors import InputError

CUTS = 12
"""Places in the file at which the future is cut off and changed, and from which the past is."""

STARTUPS = (100, 250, FEATURE_SET.lookback)
"""Candles that a value is given in place of the whole past."""

CANDLES_MIN = FEATURE_SET.lookback + 1_000
REDUNDANT = 0.9999
"""A feature whose R^2 on all others is at least this says nothing of its own."""

_RIDGE = 1e-12  # keeps exact copies from making the correlations singular


@dataclass(frozen=True)
class FeatureCheck:
    """What was found of one feature.

    Attributes
    ----------
    lookahead
        Values, of those asked, that changed when candles after them did. Must be 0.
    recursive
        For each of ``STARTUPS``: the largest difference from the value with the whole past, in the feature's
        standard deviations. Must be 0 from the feature's lookback on.
    r2
        Share of its variance that the other features tell; None where it is constant here.
    """

    name: str
    lookback: int
    lookahead: int
    recursive: tuple[float, ...]
    r2: float | None

    @property
    def sound(self) -> bool:
        """Whether it neither looks ahead nor hangs on candles before its lookback."""
        exact = (found == 0.0 for count, found in zip(STARTUPS, self.recursive, strict=True) if count >= self.lookback)
        return self.lookahead == 0 and all(exact)

    @property
    def redundant(self) -> bool:
        """Whether the others tell it."""
        return self.r2 is not None and self.r2 >= REDUNDANT


def check_features(candles: Candles, seed: int = 0) -> list[FeatureCheck]:
    """Check every feature on a history.

    Parameters
    ----------
    candles
        (N,) closed candles of one series, ascending, at least ``CANDLES_MIN``.
    seed
        Of the changed futures.

    Raises
    ------
    InputError
        Too few candles.
    """
    if len(candles) < CANDLES_MIN:
        raise InputError("candles", len(candles), f"must be at least {CANDLES_MIN}", "give a longer history")
    values = compute_values(candles)
    cuts = np.linspace(CANDLES_MIN // 2, len(candles) - 1, CUTS).astype(np.int64)
    lookahead = _lookahead(candles, values, cuts, np.random.default_rng(seed))
    recursive = _recursive(candles, values, cuts)
    r2 = _explained(values[FEATURE_SET.lookback :])
    return [
        FeatureCheck(
            feature.name,
            feature.lookback,
            int(lookahead[at]),
            tuple(recursive[:, at].tolist()),
            None if np.isnan(r2[at]) else float(r2[at]),
        )
        for at, feature in enumerate(FEATURE_SET.features)
    ]


def _lookahead(
    candles: Candles, values: NDArray[np.float64], cuts: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Values (F,) before each cut that differ when what follows is cut off, or is something else."""
    found = np.zeros(FEATURE_SET.size, np.int64)
    for cut in cuts.tolist():
        changed = candles.copy()
        size = len(candles) - cut
        for name in "ohlc":
            changed[name][cut:] *= 1.5
        changed["v"][cut:] = random.permutation(candles["v"])[:size] + 1.0
        changed["t"][cut:] += 1
        for other in (candles[:cut], changed):
            found += np.sum(compute_values(other)[:cut] != values[:cut], axis=0)
    return found


def _recursive(candles: Candles, values: NDArray[np.float64], cuts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Largest difference (startups, F) of a value that knows only so many candles."""
    spread = np.maximum(values[FEATURE_SET.lookback :].std(axis=0), np.finfo(np.float64).tiny)
    found = np.zeros((len(STARTUPS), FEATURE_SET.size))
    for place, count in enumerate(STARTUPS):
        for cut in cuts.tolist():
            short = compute_values(candles[cut - count + 1 : cut + 1])[-1]
            found[place] = np.maximum(found[place], np.abs(short - values[cut]) / spread)
    return found


def _explained(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """R^2 (F,) of each column on all others, NaN where one is constant: 1 - 1 / its variance inflation."""
    moving = values.std(axis=0) > 0.0
    found = np.full(values.shape[1], np.nan)
    correlations = np.corrcoef(values[:, moving].T) + _RIDGE * np.eye(int(moving.sum()))
    found[moving] = 1.0 - 1.0 / np.diag(np.linalg.inv(correlations))
    return found
