"""What became of predictions: their labels, computed from the candles that followed them."""

from collections.abc import Mapping, Sequence

import numpy as np

from archive.scoring.taught import TaughtLabels
from shared.contracts import SCORED_HEADS, UNRESOLVED, Candles, Outcome, Prediction
from trainer.labels.heads import newest_resolved
from trainer.labels.outcomes import trade_returns

REACH = 1_024
"""Candles before the first prediction that labels are computed from.

Their longest fixed window is shorter; of their recursive averages the slowest (1/48) has forgotten all but 4e-10 of
what came before.
"""


def resolve(
    taught: TaughtLabels, key: str, candles: Candles, first_n: int, predictions: Sequence[Prediction]
) -> list[Outcome]:
    """Outcomes of predictions of one series.

    Parameters
    ----------
    candles
        (N,) candles number ``first_n`` on, from before the first prediction (``REACH`` where there are so many) up to
        the end of the last one's longest horizon. Predictions outside of them, or not yet resolved, have no outcome.
    """
    if len(candles) <= taught.horizon:
        return []
    settings = taught.labels.settings
    found = taught.labels.compute(key, candles, np.full(len(candles), taught.cost))
    persistent = {head: newest_resolved(found[head], settings.horizons[head]) for head in taught.heads}
    moves = trade_returns(candles, settings.win_horizon)
    outcomes = []
    for one in predictions:
        at = one.n - first_n
        if 0 <= at < len(candles) - taught.horizon and candles["t"][at] == one.t:
            outcomes.append(
                Outcome(one, _at(found, taught, at), _at(persistent, taught, at), float(moves[at]), taught.cost)
            )
    return outcomes


def _at(labels: Mapping[str, np.ndarray], taught: TaughtLabels, at: int) -> tuple[int, ...]:
    return tuple(int(labels[head][at]) if head in taught.heads else UNRESOLVED for head in SCORED_HEADS)
