"""A champion and its challenger over the candles that both have predicted, and what came true of them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import redis
from numpy.typing import NDArray

from inference_worker.bundle import HEADS, OUTLOOK_HEADS
from shared.broker import fields_of
from shared.codec import decode_outcome, decode_prediction
from shared.contracts import PARTITIONS, SCORED_HEADS, UNRESOLVED, Outcome, Prediction
from shared.errors import JunkError
from shared.names import Names

M = TypeVar("M")

PAGE = 512
P_MIN = 1e-9
"""Below it a probability counts as this: a loss stays finite."""


@dataclass(slots=True)
class HeadComparison:
    """One head: how often the classes agree, how far apart the probabilities are, and what they were worth.

    The losses are over the candles whose label is known. Both bundles are judged by the labels that the champion was
    taught.
    """

    candles: int = 0
    same: int = 0
    distance: float = 0.0  # sum over candles of half the sum of absolute differences: 0..1 each
    farthest: float = 0.0  # largest of them
    labelled: int = 0
    champion_loss: float = 0.0  # sum over the labelled candles, nats
    shadow_loss: float = 0.0

    def add(self, champion: NDArray[np.float64], shadow: NDArray[np.float64], label: int) -> None:
        """Count one candle: probabilities of both, and the class that came true, or ``UNRESOLVED``."""
        distance = float(np.abs(champion - shadow).sum()) / 2
        self.candles += 1
        self.same += int(champion.argmax() == shadow.argmax())
        self.distance += distance
        self.farthest = max(self.farthest, distance)
        if label != UNRESOLVED:
            self.labelled += 1
            self.champion_loss -= math.log(max(P_MIN, champion[label] / champion.sum()))
            self.shadow_loss -= math.log(max(P_MIN, shadow[label] / shadow.sum()))

    def document(self) -> dict[str, object]:
        """JSON-able: shares of the candles that both predicted; losses None where no label is known."""
        count = max(1, self.candles)
        losses = {"champion": self.champion_loss, "shadow": self.shadow_loss}
        return {
            "agreement": round(self.same / count, 6),
            "distance": round(self.distance / count, 6),
            "farthest": round(self.farthest, 6),
            "labelled": self.labelled,
            "log_loss": {
                name: round(loss / self.labelled, 6) if self.labelled else None for name, loss in losses.items()
            },
        }


@dataclass(slots=True)
class Comparison:
    """What both said; ``only_*`` are predictions of one whose candle the other has none of, or no longer."""

    both: int = 0
    only_champion: int = 0
    only_shadow: int = 0
    heads: dict[str, HeadComparison] = field(default_factory=dict)

    def add(self, champion: Prediction, shadow: Prediction, outcome: Outcome | None) -> None:
        """Count one candle; ``outcome`` is what became of the champion's prediction, once that is known."""
        self.both += 1
        for head in HEADS:
            if head in OUTLOOK_HEADS and not (champion.outlook and shadow.outlook):
                continue
            label = UNRESOLVED if outcome is None else outcome.labels[SCORED_HEADS.index(head)]
            self.heads.setdefault(head, HeadComparison()).add(_shares(champion, head), _shares(shadow, head), label)

    def document(self) -> dict[str, object]:
        """JSON-able."""
        return {
            "both": self.both,
            "only_champion": self.only_champion,
            "only_shadow": self.only_shadow,
            "heads": {head: one.document() for head, one in self.heads.items()},
        }


def compare(client: redis.Redis, names: Names, champion: str, shadow: str) -> Comparison:
    """Compare what the predictions logs hold of a bundle with a challenger's logs, partition by partition.

    Labels are those of the scorer's outcomes: where it does not run, there are none.
    """
    comparison = Comparison()
    for p in range(PARTITIONS):
        ours = {
            (one.series.key, one.t): one
            for one in _log(client, names.predictions(p), decode_prediction)
            if one.bundle == champion
        }
        outcomes = {
            (one.prediction.series.key, one.prediction.t): one
            for one in _log(client, names.outcomes(p), decode_outcome)
            if one.prediction.bundle == champion
        }
        for theirs in _log(client, names.shadow(p, shadow), decode_prediction):
            key = (theirs.series.key, theirs.t)
            one = ours.pop(key, None)
            if one is None:
                comparison.only_shadow += 1
            else:
                comparison.add(one, theirs, outcomes.get(key))
        comparison.only_champion += len(ours)
    return comparison


def _log(client: redis.Redis, key: str, decode: Callable[[bytes], M]) -> Iterator[M]:
    """Messages of a log, oldest first; junk is passed over."""
    start = "-"
    while entries := client.execute_command("XRANGE", key, start, "+", "COUNT", PAGE):
        for entry in entries:
            try:
                yield decode(fields_of(entry).get(b"m", b""))
            except JunkError:
                continue
        start = "(" + entries[-1][0].decode()


def _shares(prediction: Prediction, head: str) -> NDArray[np.float64]:
    """Probabilities of all classes of a head."""
    if head in {"direction", "regime"}:
        return np.array(prediction.direction_probs if head == "direction" else prediction.regime_probs, np.float64)
    second = {"buy": prediction.buy_prob, "sell": prediction.sell_prob} | dict(
        zip(OUTLOOK_HEADS, prediction.outlook, strict=False)
    )
    return np.array([1 - second[head], second[head]])
