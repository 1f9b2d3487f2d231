"""A champion and its challenger over the candles that both have predicted."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import redis
from numpy.typing import NDArray

from shared.broker import fields_of
from shared.codec import decode_prediction
from shared.contracts import PARTITIONS, Prediction
from shared.errors import JunkError
from shared.names import Names

PAGE = 512
HEADS = ("buy", "sell", "direction", "regime")


@dataclass(slots=True)
class HeadComparison:
    """One head: how often the classes agree, and how far apart the probabilities are."""

    same: int = 0
    distance: float = 0.0  # sum over candles of half the sum of absolute differences: 0..1 each
    farthest: float = 0.0  # largest of them


@dataclass(slots=True)
class Comparison:
    """What both said; ``only_*`` are predictions of one whose candle the other has none of, or no longer."""

    both: int = 0
    only_champion: int = 0
    only_shadow: int = 0
    heads: dict[str, HeadComparison] = field(default_factory=lambda: {head: HeadComparison() for head in HEADS})

    def add(self, champion: Prediction, shadow: Prediction) -> None:
        """Count one candle."""
        self.both += 1
        for head in HEADS:
            ours, theirs = _shares(champion, head), _shares(shadow, head)
            distance = float(np.abs(ours - theirs).sum()) / 2
            compared = self.heads[head]
            compared.same += int(ours.argmax() == theirs.argmax())
            compared.distance += distance
            compared.farthest = max(compared.farthest, distance)

    def document(self) -> dict[str, object]:
        """JSON-able: shares of the candles that both predicted."""
        count = max(1, self.both)
        return {
            "both": self.both,
            "only_champion": self.only_champion,
            "only_shadow": self.only_shadow,
            "heads": {
                head: {
                    "agreement": round(one.same / count, 6),
                    "distance": round(one.distance / count, 6),
                    "farthest": round(one.farthest, 6),
                }
                for head, one in self.heads.items()
            },
        }


def compare(client: redis.Redis, names: Names, champion: str, shadow: str) -> Comparison:
    """Compare what the predictions logs hold of a bundle with a challenger's logs, partition by partition."""
    comparison = Comparison()
    for p in range(PARTITIONS):
        ours = {(one.series.key, one.t): one for one in _log(client, names.predictions(p)) if one.bundle == champion}
        for theirs in _log(client, names.shadow(p, shadow)):
            one = ours.pop((theirs.series.key, theirs.t), None)
            if one is None:
                comparison.only_shadow += 1
            else:
                comparison.add(one, theirs)
        comparison.only_champion += len(ours)
    return comparison


def _log(client: redis.Redis, key: str) -> Iterator[Prediction]:
    """Predictions of a log, oldest first; junk is passed over."""
    start = "-"
    while entries := client.execute_command("XRANGE", key, start, "+", "COUNT", PAGE):
        for entry in entries:
            try:
                yield decode_prediction(fields_of(entry).get(b"m", b""))
            except JunkError:
                continue
        start = "(" + entries[-1][0].decode()


def _shares(prediction: Prediction, head: str) -> NDArray[np.float64]:
    """Probabilities of all classes of a head."""
    if head == "buy":
        return np.array([1 - prediction.buy_prob, prediction.buy_prob])
    if head == "sell":
        return np.array([1 - prediction.sell_prob, prediction.sell_prob])
    return np.array(prediction.direction_probs if head == "direction" else prediction.regime_probs)
